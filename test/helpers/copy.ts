// Copies the built SDK into its own folder, as an installation would.
import { cpSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { version } from '@offthread/sdk';

export interface Copy {
  /** The URL to import. */
  readonly url: string;
  readonly [Symbol.dispose]: () => void;
}

/** The version of the copy. Default: the SDK's version. */
export interface CopyOptions {
  readonly version?: string;
  /** The version of the worker's program. Default: the version of the copy. */
  readonly workerVersion?: string;
}

/** Copies the package, which has no dependencies. */
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

/** Changes the version in a file. The worker's program is a string in it. */
function rewrite(file: string, own: string, workerVersion: string): void {
  const text = readFileSync(file, 'utf8');
  const known = new RegExp(
    `(version"?(?: =|:) ")?(?<![\\d.])${version.replaceAll('.', '\\.')}(?![\\d.-])`,
    'g',
  );
  const changed = text.replace(known, (_, ofMain?: string) => (ofMain ? ofMain + own : workerVersion));
  if (changed !== text) writeFileSync(file, changed);
}
