// A folder with the server of fixtures/frameworks/nestjs.mjs, the packages of NestJS 11, and a copy of the SDK, which finds
// them there and not its own.
import { cpSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** Returns the folder, and the URL of the server. */
export function nestJs11(): { folder: string; server: string } {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'offthread-nestjs-')));
  const modules = join(folder, 'node_modules');
  mkdirSync(join(modules, '@offthread'), { recursive: true });
  const installed = fileURLToPath(new URL('../nestjs-11/node_modules/', import.meta.url));
  for (const name of readdirSync(installed).filter((each) => !each.startsWith('.')))
    symlinkSync(join(installed, name), join(modules, name));
  const sdk = dirname(fileURLToPath(import.meta.resolve('@offthread/sdk/package.json')));
  for (const name of ['package.json', 'dist'])
    cpSync(join(sdk, name), join(modules, '@offthread/sdk', name), { recursive: true });
  const fixtures = fileURLToPath(new URL('../fixtures/frameworks/', import.meta.url));
  for (const name of ['nestjs.mjs', 'app.mjs']) cpSync(join(fixtures, name), join(folder, name));
  return { folder, server: pathToFileURL(join(folder, 'nestjs.mjs')).href };
}
