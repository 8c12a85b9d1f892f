// A folder of its own for each test.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';

/** A folder that is removed at the end of its scope. */
export function makeFolder(): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), 'offthread-'));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

/** Creates an empty folder before each test of a file, calls `use` with its path, and removes it after the test. */
export function withFolder(use: (path: string) => void): void {
  let folder: Disposable | undefined;
  beforeEach(() => {
    const made = makeFolder();
    folder = made;
    use(made.path);
  });
  afterEach(() => folder?.[Symbol.dispose]());
}
