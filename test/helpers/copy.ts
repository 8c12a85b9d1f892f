// In: nothing. Out: a real copy of the built SDK in a folder of its own, as an installation has it.
import { cpSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

export interface Copy {
  /** What a program imports. */
  readonly url: string;
  readonly [Symbol.dispose]: () => void;
}

/** Copies the package. It needs no other. */
export function copyPackage(): Copy {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'offthread-')));
  const source = dirname(fileURLToPath(import.meta.resolve('@offthread/sdk/package.json')));
  cpSync(join(source, 'dist'), join(root, 'dist'), { recursive: true });
  cpSync(join(source, 'package.json'), join(root, 'package.json'));
  return {
    url: pathToFileURL(join(root, 'dist', 'index.js')).href,
    [Symbol.dispose]: () => rmSync(root, { recursive: true, force: true }),
  };
}
