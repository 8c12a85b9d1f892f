// In: nothing. Out: a real copy of the built SDK in a folder of its own, as an installation has it.
import { cpSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { version } from '@offthread/sdk';

export interface Copy {
  /** What a program imports. */
  readonly url: string;
  readonly [Symbol.dispose]: () => void;
}

/** What a copy says of itself. Default: its version. */
export interface CopyOptions {
  readonly version?: string;
  /** The version of the program of its worker thread. Default: that of the copy. */
  readonly workerVersion?: string;
}

/** Copies the package. It needs no other. */
export function copyPackage({ version: own = version, workerVersion = own }: CopyOptions = {}): Copy {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'offthread-')));
  const source = dirname(fileURLToPath(import.meta.resolve('@offthread/sdk/package.json')));
  cpSync(join(source, 'dist'), join(root, 'dist'), { recursive: true });
  cpSync(join(source, 'package.json'), join(root, 'package.json'));
  for (const file of readdirSync(root, { recursive: true, encoding: 'utf8' })) {
    if (/\.js(on)?$/.test(file)) rewrite(join(root, file), own, workerVersion);
  }
  return {
    url: pathToFileURL(join(root, 'dist', 'index.js')).href,
    [Symbol.dispose]: () => rmSync(root, { recursive: true, force: true }),
  };
}

/** Changes the version in a file. The program of the worker thread stands in a string. */
function rewrite(file: string, own: string, workerVersion: string): void {
  const text = readFileSync(file, 'utf8');
  const known = new RegExp(
    `(version"?(?: =|:) ")?(?<![\\d.])${version.replaceAll('.', '\\.')}(?![\\d.-])`,
    'g',
  );
  const changed = text.replace(known, (_, ofMain?: string) => (ofMain ? ofMain + own : workerVersion));
  if (changed !== text) writeFileSync(file, changed);
}
