// The package as npm installs it from its tarball, in every way that programs load it.
import { execFile } from 'node:child_process';
import {
  cpSync,
  existsSync,
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
import { type BuildOptions, build } from 'esbuild';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { dependenciesOf } from '../helpers/lockfile.js';
import { install, installPacked, outerEnvironment } from '../helpers/packed.js';
import { runProgram } from '../helpers/program.js';

/** For tests with real processes on a busy machine. */
const LIMIT = { timeout: 60_000 };

/**
 * Size of an installation in KB: 1,431 when this was written, 310 of them for source maps, 190 for the spool, and 230 with
 * their sources for the entries of other frameworks, of metrics and of the drop-in for analytics-node. A program loads none
 * of these unless it imports them.
 */
const MOST_KILOBYTES = 1_500;

/** Dependencies without code in the package: unused parts of got and piscina, and types. */
const LEFT_OUT =
  /^(@napi-rs\/|cacheable-|decompress-response|mimic-response|http2-wrapper|quick-lru|resolve-alpn|keyv|@keyv\/|responselike|get-stream|@sec-ant\/|is-stream|http-cache-semantics|normalize-url|@types\/|type-fest)/;

const run = promisify(execFile);
const root = fileURLToPath(new URL('../../', import.meta.url));
const folder = realpathSync(mkdtempSync(join(tmpdir(), 'offthread-package-')));
const modules = join(folder, 'node_modules');
let api: TrackingApi;

// Packs, installs and starts once for the whole file.
beforeAll(async () => {
  await installPacked(folder, ['sdk'], { private: true, type: 'commonjs' });
  cpSync(new URL('../fixtures/package/', import.meta.url), folder, { recursive: true });
  api = await startTrackingApi();
}, 180_000);
beforeEach(() => api.reset());
afterAll(async () => {
  await api?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Runs the program, which must deliver and then end normally. */
async function expectDelivery(file: string): Promise<void> {
  const ended = await runProgram(pathToFileURL(file), { args: [api.url, 'one'] });
  expect(ended).toMatchObject({ code: 7, stderr: '', lines: [{ flushed: 'ok' }, { version }] });
  expect(await api.messageIds()).toEqual(['one']);
}

test('an installation is one package and stays within its budget', () => {
  const { packages } = JSON.parse(readFileSync(join(modules, '.package-lock.json'), 'utf8'));
  const files = readdirSync(modules, { recursive: true, withFileTypes: true }).filter((each) =>
    each.isFile(),
  );
  const bytes = files.reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0);
  const kilobytes = Math.round(bytes / 1024);
  process.stdout.write(`npm install @offthread/sdk: ${kilobytes} KB\n`);
  expect(Object.keys(packages)).toEqual(['node_modules/@offthread/sdk']);
  expect(kilobytes).toBeGreaterThan(300);
  expect(kilobytes).toBeLessThanOrEqual(MOST_KILOBYTES);
});

test('importing it loads one module, and only those modules of Node.js that it uses', async () => {
  const code = readFileSync(join(modules, '@offthread/sdk/dist/index.js'), 'utf8');
  // An import of a module of Node.js would run all its getters, which load more modules.
  expect(code).not.toMatch(/^(?:import|export|\}) .*?from "/m);
  expect(code).not.toMatch(/\bimport\.meta\b|\b__dirname\b|\bcreateRequire\b|\bnew Function\b/);
  const program = `const before = new Set(process.moduleLoadList);
    await import('@offthread/sdk');
    console.log(process.moduleLoadList.filter((name) => !before.has(name)).join('\\n'));`;
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', program], { cwd: folder });
  expect(stdout).toContain('NativeModule worker_threads');
  expect(stdout).not.toMatch(
    /NativeModule (?:fs\/promises|internal\/fs\/streams|crypto|http|https|net|tls|dns|zlib|v8)$/m,
  );
});

test('it contains the licenses of all bundled packages', () => {
  const text = readFileSync(join(modules, '@offthread/sdk/THIRD-PARTY-LICENSES.txt'), 'utf8');
  const [, ...sections] = text.split(`\n${'-'.repeat(80)}\n\n`);
  for (const section of sections)
    expect(section).toMatch(/^\S+ \(MIT\)\n.*Copyright .*Permission is hereby granted/s);
  const named = sections.map((section) => section.split(' ')[0]);
  const dependencies = [...dependenciesOf('packages/sdk', 'packages/worker')];
  expect(named).toEqual(dependencies.filter((each) => !LEFT_OUT.test(each)).sort());
});

test('all code has a source map, and the sources are installed too', () => {
  const scope = join(modules, '@offthread');
  const files = readdirSync(scope, { recursive: true, encoding: 'utf8' });
  const code = files.filter((name) => /dist.*\.c?js$/.test(name)).map((name) => join(scope, name));
  expect(code.length).toBeGreaterThan(5);
  for (const file of code) {
    const { sources } = JSON.parse(readFileSync(`${file}.map`, 'utf8')) as { sources: string[] };
    // Sources of bundled packages aren't installed, and generated modules aren't files.
    const own = sources.filter((source) => !/node_modules|\/worker\/|^[a-z ]+:/.test(source));
    for (const source of own) expect(existsSync(join(file, '..', source)), `${file}: ${source}`).toBe(true);
  }
  expect(files.filter((name) => name.includes('tsbuildinfo'))).toEqual([]);
});

describe('without a build', () => {
  test('it delivers when imported', LIMIT, () => expectDelivery(join(folder, 'deliver.mjs')));
  test('it delivers when required', LIMIT, () => expectDelivery(join(folder, 'deliver.cjs')));
});

describe('compiled by TypeScript', () => {
  test.each([
    ['NodeNext', 'NodeNext', 'an ES module', 'module'],
    ['NodeNext', 'NodeNext', 'CommonJS', 'commonjs'],
    ['ESNext', 'Bundler', 'an ES module', 'module'],
  ])(
    'with module %s and resolution %s as %s it delivers',
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

// Other bundlers are tested in bundlers/, with `npm run test:bundlers`.
describe('bundled by esbuild', () => {
  const REQUIRE =
    "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);";
  const forms: readonly (readonly [string, string, BuildOptions])[] = [
    ['an ES module', 'mjs', { format: 'esm' }],
    ['an ES module with require()', 'mjs', { format: 'esm', banner: { js: REQUIRE } }],
    ['CommonJS', 'cjs', { format: 'cjs' }],
    ['minified CommonJS', 'cjs', { format: 'cjs', minify: true }],
  ];

  async function bundle(place: string, program: string, end: string, options: BuildOptions): Promise<string> {
    const outfile = join(place, `${program}-bundle.${end}`);
    await build({
      entryPoints: [join(folder, `${program}.mjs`)],
      bundle: true,
      platform: 'node',
      target: 'node20',
      outfile,
      ...options,
    });
    return outfile;
  }

  test.each(forms)('as %s it delivers from a separate folder', LIMIT, async (_, end, options) => {
    const place = mkdtempSync(join(tmpdir(), 'offthread-bundle-'));
    try {
      await expectDelivery(await bundle(place, 'deliver', end, options));
      await api.reset();
      const leaving = pathToFileURL(await bundle(place, 'leave', end, options));
      const ended = await runProgram(leaving, { args: [api.url, 'two'] });
      expect(ended).toMatchObject({ code: 7, stderr: '', lines: [] });
      expect(await api.messageIds()).toEqual(['two']);
    } finally {
      rmSync(place, { recursive: true });
    }
  });

  test('it delivers if it is excluded from the bundle', LIMIT, async () => {
    await expectDelivery(await bundle(folder, 'deliver', 'mjs', { format: 'esm', packages: 'external' }));
  });
});

test('it delivers in a test with node --test', LIMIT, async () => {
  const env = { ...outerEnvironment(), OFFTHREAD_HOST: api.url, OFFTHREAD_ID: 'one' };
  const { stdout } = await run(process.execPath, ['--test', 'runner.cjs'], {
    cwd: folder,
    env,
    timeout: 50_000,
  });
  expect(stdout).toMatch(/^. pass 1$/m);
  expect(await api.messageIds()).toEqual(['one']);
});

// With the flags from docs/testing.md. Jest has more packages than everything else here together.
test('it delivers in a test with Jest, and the matchers work', { timeout: 240_000 }, async () => {
  const place = join(folder, 'jest');
  writeFileSync(join(place, 'package.json'), '{ "private": true }');
  await install(place, ['jest@30']);
  const env = { ...outerEnvironment(), OFFTHREAD_HOST: api.url, OFFTHREAD_ID: 'one' };
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
