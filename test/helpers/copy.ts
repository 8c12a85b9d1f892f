// In: nothing. Out: real copies of the built SDK and worker in a folder of their own, as an installation has them.
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const DEPENDENCIES = { sdk: ['nanoid', 'piscina'], worker: ['got', 'hpagent', 'jose'] } as const;

export interface Copy {
  /** What a program imports. */
  readonly url: string;
  /** The folder of the copied package. */
  readonly folder: (name: 'sdk' | 'worker') => string;
  /** The folder of a dependency, which is a link. */
  readonly dependency: (name: string) => string;
  readonly [Symbol.dispose]: () => void;
}

/** Copies both packages; what they depend on is linked. */
export function copyPackages(): Copy {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'offthread-')));
  const modules = join(root, 'node_modules');
  const folder = (name: string): string => join(modules, '@offthread', name);
  const dependency = (name: string): string => join(modules, name);
  for (const name of ['sdk', 'worker'] as const) {
    const source = dirname(fileURLToPath(import.meta.resolve(`@offthread/${name}/package.json`)));
    mkdirSync(folder(name), { recursive: true });
    cpSync(join(source, 'dist'), join(folder(name), 'dist'), { recursive: true });
    cpSync(join(source, 'package.json'), join(folder(name), 'package.json'));
    for (const each of DEPENDENCIES[name]) {
      symlinkSync(realpathSync(join(source, 'node_modules', each)), dependency(each), 'junction');
    }
  }
  return {
    url: pathToFileURL(join(folder('sdk'), 'dist', 'index.js')).href,
    folder,
    dependency,
    [Symbol.dispose]: () => rmSync(root, { recursive: true, force: true }),
  };
}
