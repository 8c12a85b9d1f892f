// Installs packages of the repository from their tarballs, as users do.
import { execFile } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect } from 'vitest';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../../', import.meta.url));

/** Packs the packages `@offthread/NAME`, and installs them in a folder with this package.json. */
export async function installPacked(
  folder: string,
  names: readonly string[],
  manifest: object,
): Promise<void> {
  for (const name of names) {
    const pack = ['--filter', `@offthread/${name}`, 'pack', '--pack-destination', folder];
    await npm(root, ['run', '-s', 'pnpm', '--', ...pack]);
  }
  writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest));
  const tarballs = readdirSync(folder).filter((name) => name.endsWith('.tgz'));
  expect(tarballs).toHaveLength(names.length);
  await install(
    folder,
    tarballs.map((name) => `./${name}`),
  );
}

/** Installs packages in a folder that has a package.json. */
export async function install(folder: string, packages: readonly string[]): Promise<void> {
  await npm(folder, ['install', '--prefer-offline', '--no-audit', '--no-fund', ...packages]);
}

/** The environment without the variables that the test runner and npm set for their children. */
export function outerEnvironment(): NodeJS.ProcessEnv {
  const { NODE_OPTIONS: _, NODE_TEST_CONTEXT: __, VITEST: ___, ...rest } = process.env;
  return Object.fromEntries(Object.entries(rest).filter(([name]) => !/^npm_(?!config_)/i.test(name)));
}

async function npm(cwd: string, args: readonly string[]): Promise<void> {
  await run('npm', args, { cwd, env: outerEnvironment(), timeout: 170_000 });
}
