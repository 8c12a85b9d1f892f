// A folder of its own for each test.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';

/** Creates an empty folder before each test of a file, calls `use` with its path, and removes it after the test. */
export function withFolder(use: (path: string) => void): void {
  let path = '';
  beforeEach(() => {
    path = mkdtempSync(join(tmpdir(), 'offthread-'));
    use(path);
  });
  afterEach(() => rmSync(path, { recursive: true, force: true }));
}
