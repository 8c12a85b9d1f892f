// The packages as npm installs them from their tarballs, in every way in which programs take them in.
import { execFile } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { startTrackingApi, type TrackingApi } from '@offthread/devtools';
import { version } from '@offthread/sdk';
import { build } from 'esbuild';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { runProgram } from './helpers/program.js';

/** A test of real processes on a busy machine. */
const LIMIT = { timeout: 60_000 };

/** What an installation takes: 30 packages and 2,897 KB when this was written; one of the packages is for a platform. */
const MOST_PACKAGES = 32;
const MOST_KILOBYTES = 3_400;

const run = promisify(execFile);
const root = fileURLToPath(new URL('..', import.meta.url));
const folder = realpathSync(mkdtempSync(join(tmpdir(), 'offthread-package-')));
const modules = join(folder, 'node_modules');
let api: TrackingApi;

// Packs, installs and starts once for the whole file. The registry may be slow.
beforeAll(async () => {
  const packed = ['--filter', '@offthread/worker', '--filter', '@offthread/sdk', 'pack'];
  await npm(root, ['run', '-s', 'pnpm', '--', ...packed, '--pack-destination', folder]);
  writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "commonjs" }');
  const tarballs = readdirSync(folder).filter((name) => name.endsWith('.tgz'));
  expect(tarballs).toHaveLength(2);
  const files = tarballs.map((name) => `./${name}`);
  await npm(folder, ['install', '--prefer-offline', '--no-audit', '--no-fund', ...files]);
  cpSync(new URL('fixtures/package/', import.meta.url), folder, { recursive: true });
  api = await startTrackingApi();
}, 180_000);
beforeEach(() => api.reset());
afterAll(async () => {
  await api?.close();
  rmSync(folder, { recursive: true, force: true });
});

function npm(cwd: string, args: readonly string[]): Promise<unknown> {
  return run('npm', args, { cwd, env: outer(), timeout: 170_000 });
}

/** Neither what the test runner tells its workers nor what npm tells its scripts is for others. */
function outer(): NodeJS.ProcessEnv {
  const { NODE_OPTIONS: _, NODE_TEST_CONTEXT: __, VITEST: ___, ...rest } = process.env;
  return Object.fromEntries(Object.entries(rest).filter(([name]) => !/^npm_(?!config_)/i.test(name)));
}

/** Runs the program, and expects it to deliver and to run on to its own end. */
async function expectDelivery(file: string): Promise<void> {
  const ended = await runProgram(pathToFileURL(file), { args: [api.url, 'one'] });
  expect(ended).toMatchObject({ code: 7, stderr: '', lines: [{ flushed: 'ok' }, { version }] });
  expect(await api.messageIds()).toEqual(['one']);
}

test('an installation stays within its budget', () => {
  const { packages } = JSON.parse(readFileSync(join(modules, '.package-lock.json'), 'utf8'));
  const count = Object.keys(packages).length;
  const files = readdirSync(modules, { recursive: true, withFileTypes: true }).filter((each) =>
    each.isFile(),
  );
  const bytes = files.reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0);
  const kilobytes = Math.round(bytes / 1024);
  process.stdout.write(`npm install @offthread/sdk: ${count} packages, ${kilobytes} KB\n`);
  expect(count).toBeGreaterThan(3);
  expect(count).toBeLessThanOrEqual(MOST_PACKAGES);
  expect(kilobytes).toBeLessThanOrEqual(MOST_KILOBYTES);
});

describe('as they are', () => {
  test('they deliver where they are imported', LIMIT, () => expectDelivery(join(folder, 'deliver.mjs')));
  test('they deliver where they are required', LIMIT, () => expectDelivery(join(folder, 'deliver.cjs')));
});

describe('compiled by TypeScript', () => {
  test.each([
    ['NodeNext', 'NodeNext', 'an ES module', 'module'],
    ['NodeNext', 'NodeNext', 'CommonJS', 'commonjs'],
    ['ESNext', 'Bundler', 'an ES module', 'module'],
  ])(
    'with module %s and resolution %s as %s they deliver',
    LIMIT,
    async (module, moduleResolution, _, type) => {
      const place = join(folder, `${moduleResolution}-${type}`);
      mkdirSync(place);
      writeFileSync(join(place, 'package.json'), JSON.stringify({ type }));
      cpSync(join(folder, 'typed.ts'), join(place, 'typed.ts'));
      const typeRoots = [join(root, 'node_modules/@types')];
      const compilerOptions = {
        target: 'ES2023',
        module,
        moduleResolution,
        strict: true,
        types: ['node'],
        typeRoots,
      };
      writeFileSync(join(place, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['typed.ts'] }));
      const tsc = join(root, 'node_modules/.bin/tsc');
      const { stdout } = await run(tsc, ['-p', place, '--pretty', 'false']).catch(
        (error: { stdout: string }) => error,
      );
      expect(stdout).toBe('');
      await expectDelivery(join(place, 'typed.js'));
    },
  );
});

describe('bundled by esbuild', () => {
  const formats = [
    ['esm', 'mjs'],
    ['cjs', 'cjs'],
  ] as const;

  async function bundle(
    place: string,
    format: 'esm' | 'cjs',
    packages: 'external' | 'bundle',
  ): Promise<string> {
    const outfile = join(place, `${packages}.${format === 'esm' ? 'mjs' : 'cjs'}`);
    // A bundle has no URL of its own where it is CommonJS; the SDK copes with that, and esbuild warns of it.
    const options = { bundle: true, platform: 'node', target: 'node20', logLevel: 'silent' } as const;
    await build({ ...options, entryPoints: [join(folder, 'deliver.mjs')], format, packages, outfile });
    return outfile;
  }

  test.each(formats)('as %s, with the packages external, they deliver', LIMIT, async (format) => {
    await expectDelivery(await bundle(folder, format, 'external'));
  });

  test.each(formats)(
    'as %s, all in one file, the app is told the remedy and runs on',
    LIMIT,
    async (format) => {
      // Where a bundle goes that is deployed by itself.
      const place = mkdtempSync(join(tmpdir(), 'offthread-bundle-'));
      try {
        const file = pathToFileURL(await bundle(place, format, 'bundle'));
        const ended = await runProgram(file, { args: [api.url, 'one'] });
        expect(ended).toMatchObject({ code: 7, stderr: '' });
        const [error, ...others] = ended.lines;
        expect(error).toMatchObject({ error: 'worker_unavailable' });
        expect(error?.['message']).toContain(
          'leave @offthread/sdk, @offthread/worker and piscina external and install them beside the bundle',
        );
        expect(others).toMatchObject([{ flushed: 'worker-dead' }, { version }]);
        expect(await api.messageIds()).toEqual([]);
      } finally {
        rmSync(place, { recursive: true });
      }
    },
  );
});

test('they deliver in a test of node --test', LIMIT, async () => {
  const env = { ...outer(), OFFTHREAD_HOST: api.url, OFFTHREAD_ID: 'one' };
  const { stdout } = await run(process.execPath, ['--test', 'runner.cjs'], {
    cwd: folder,
    env,
    timeout: 50_000,
  });
  expect(stdout).toMatch(/^. pass 1$/m);
  expect(await api.messageIds()).toEqual(['one']);
});

// With the flags that docs/testing.md gives. Jest has more packages than all else here together.
test('they deliver, and the matchers work, in a test of Jest', { timeout: 240_000 }, async () => {
  const place = join(folder, 'jest');
  writeFileSync(join(place, 'package.json'), '{ "private": true }');
  await npm(place, ['install', '--prefer-offline', '--no-audit', '--no-fund', 'jest@30']);
  const env = { ...outer(), OFFTHREAD_HOST: api.url, OFFTHREAD_ID: 'one' };
  const jest = ['node_modules/jest/bin/jest.js', '--testMatch', '**/*.test.mjs'];
  const { stderr } = await run(process.execPath, ['--experimental-vm-modules', ...jest], {
    cwd: place,
    env,
    timeout: 60_000,
  });
  expect(stderr).toMatch(/^Tests: +3 passed, 3 total$/m);
  expect(stderr).not.toMatch(/did not exit|failed to exit/);
  expect(await api.messageIds()).toEqual(['one']);
});
