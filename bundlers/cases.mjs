// The bundlers, with their default settings: how each builds the program or the server, and how to start the result.
import { chmod, copyFile, cp, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * @typedef {object} Place
 * @property {string} work a folder with node_modules and a copy of `app`
 * @property {string} program the file to bundle
 * @property {string} out an empty folder, with no node_modules above it
 * @property {string} tarball the packed SDK
 * @property {(file: string, args: string[], options?: object) => Promise<unknown>} run
 * @property {(name: string) => string} bin the file of a command that is installed in `work`
 */

/** A program, defined by the command that starts it. */
const program = (...command) => ({ command });

/** A server, defined by the command that starts it. */
const server = (cwd, ...command) => ({ command, cwd, isServer: true });

/** A runtime, which runs several programs without a bundler. */
const runtime = (name, work, ...command) => ({
  command: [...command, join(work, 'runtime.mjs')],
  cwd: work,
  runtime: name,
});

const node = process.execPath;
const REQUIRE =
  "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);";

const esbuild =
  (format, options) =>
  async ({ program: entry, out }) => {
    const { build } = await import('esbuild');
    const outfile = join(out, format === 'esm' ? 'app.mjs' : 'app.cjs');
    await build({
      entryPoints: [entry],
      bundle: true,
      platform: 'node',
      format,
      outfile,
      logLevel: 'silent',
      ...options,
    });
    return program(node, outfile);
  };

const webpack =
  (isModule) =>
  async ({ program: entry, out, work }) => {
    const { default: compile } = await import('webpack');
    const file = isModule ? 'app.mjs' : 'app.cjs';
    const output = { path: out, filename: file, ...(isModule && { module: true }) };
    const experiments = { outputModule: isModule };
    const config = { entry, target: 'node', mode: 'production', context: work, output, experiments };
    await new Promise((resolve, reject) => {
      compile(config, (error, stats) => {
        if (error ?? stats.hasErrors()) reject(error ?? new Error(stats.toString('errors-only')));
        else resolve();
      });
    });
    return program(node, join(out, file));
  };

const rollup =
  (format) =>
  async ({ program: input, out }) => {
    const { rollup } = await import('rollup');
    const { nodeResolve } = await import('@rollup/plugin-node-resolve');
    // Rollup alone doesn't resolve packages.
    const bundle = await rollup({ input, plugins: [nodeResolve()], onwarn: () => {} });
    const file = join(out, format === 'es' ? 'app.mjs' : 'app.cjs');
    await bundle.write({ file, format });
    return program(node, file);
  };

const rolldown =
  (format) =>
  async ({ program: input, out }) => {
    const { rolldown } = await import('rolldown');
    const bundle = await rolldown({ input, platform: 'node', logLevel: 'silent' });
    const file = join(out, format === 'esm' ? 'app.mjs' : 'app.cjs');
    await bundle.write({ file, format });
    return program(node, file);
  };

const next =
  (bundler, isStandalone) =>
  async ({ work, out, run, bin }) => {
    // In its own folder, because Next.js writes into it.
    const home = join(work, `next-${bundler}-${isStandalone}`);
    await cp(join(work, 'next'), home, { recursive: true });
    if (isStandalone)
      await writeFile(join(home, 'next.config.mjs'), "export default { output: 'standalone' };\n");
    await run(node, [bin('next'), 'build', `--${bundler}`], { cwd: home });
    if (!isStandalone) return server(home, node, bin('next'), 'start');
    await cp(join(home, '.next/standalone'), out, { recursive: true, verbatimSymlinks: true });
    const files = await readdir(out, { recursive: true });
    const start = files.filter((name) => /(^|\/)server\.js$/.test(name) && !name.includes('node_modules'))[0];
    return server(out, node, join(out, start));
  };

/** @type {Record<string, (place: Place) => Promise<object>>} */
export const CASES = {
  'esbuild, ES module': esbuild('esm'),
  'esbuild, ES module with require()': esbuild('esm', { banner: { js: REQUIRE } }),
  'esbuild, CommonJS': esbuild('cjs'),
  'esbuild, minified': esbuild('cjs', { minify: true }),
  'webpack, CommonJS': webpack(false),
  'webpack, ES module': webpack(true),
  'Rollup, ES module': rollup('es'),
  'Rollup, CommonJS': rollup('cjs'),
  'Rolldown, ES module': rolldown('esm'),
  'Rolldown, CommonJS': rolldown('cjs'),
  'Vite, ssr.noExternal': async ({ program: entry, out, work }) => {
    const { build } = await import('vite');
    await build({
      root: work,
      logLevel: 'silent',
      ssr: { noExternal: true },
      build: { ssr: entry, outDir: out, emptyOutDir: true },
    });
    await writeFile(join(out, 'package.json'), '{ "type": "module" }');
    return program(node, join(out, 'program.js'));
  },
  ncc: async ({ program: entry, out, run, bin }) => {
    await run(node, [bin('ncc'), 'build', entry, '--out', out]);
    return program(node, join(out, 'index.mjs'));
  },
  'Next.js, Turbopack, next start': next('turbopack', false),
  'Next.js, Turbopack, standalone': next('turbopack', true),
  'Next.js, webpack, next start': next('webpack', false),
  'Next.js, webpack, standalone': next('webpack', true),
  Nitro: async ({ work, out, run, bin }) => {
    const home = join(work, 'nitro');
    await run(node, [bin('nitropack'), 'build'], { cwd: home });
    await cp(join(home, '.output'), out, { recursive: true, verbatimSymlinks: true });
    return server(out, node, join(out, 'server/index.mjs'));
  },
  'single executable': async (place) => {
    const { out, run, bin } = place;
    await esbuild('cjs')(place);
    const executable = join(out, 'app');
    await writeFile(
      join(out, 'sea.json'),
      JSON.stringify({ main: 'app.cjs', output: 'app.blob', disableExperimentalSEAWarning: true }),
    );
    await run(node, ['--experimental-sea-config', 'sea.json'], { cwd: out });
    await copyFile(node, executable);
    await chmod(executable, 0o755);
    const fuse = ['--sentinel-fuse', 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2'];
    await run(node, [bin('postject'), executable, 'NODE_SEA_BLOB', join(out, 'app.blob'), ...fuse]);
    return program(executable);
  },
  'Yarn Plug’n’Play': async ({ program: entry, out, run, bin, tarball }) => {
    await copyFile(entry, join(out, 'app.mjs'));
    const dependencies = { '@offthread/sdk': `file:${tarball}` };
    await writeFile(join(out, 'package.json'), JSON.stringify({ name: 'app', private: true, dependencies }));
    await writeFile(join(out, 'yarn.lock'), '');
    const yarn = bin('yarn');
    const env = {
      ...process.env,
      YARN_ENABLE_GLOBAL_CACHE: 'false',
      YARN_ENABLE_TELEMETRY: 'false',
      YARN_ENABLE_IMMUTABLE_INSTALLS: 'false',
    };
    await run(node, [yarn, 'install'], { cwd: out, env });
    return { ...program(node, yarn, 'node', join(out, 'app.mjs')), cwd: out };
  },
  'Node.js': async ({ work }) => runtime('Node.js', work, node),
  Bun: async ({ work, bin }) => runtime('Bun', work, bin('bun'), 'run'),
  'bun build': async ({ program: entry, out, run, bin }) => {
    await run(bin('bun'), ['build', entry, '--target=node', '--outfile', join(out, 'app.mjs')]);
    return program(node, join(out, 'app.mjs'));
  },
  'bun build --target=bun': async ({ program: entry, out, run, bin }) => {
    await run(bin('bun'), ['build', entry, '--target=bun', '--outfile', join(out, 'app.mjs')]);
    return program(bin('bun'), join(out, 'app.mjs'));
  },
  'bun build --compile': async ({ program: entry, out, run, bin }) => {
    await run(bin('bun'), ['build', entry, '--compile', '--outfile', join(out, 'app')], { cwd: out });
    return program(join(out, 'app'));
  },
  // `deno compile` downloads a part of Deno that isn't in a registry.
  Deno: async ({ work, bin }) => runtime('Deno', work, bin('deno'), 'run', '--allow-all'),
};
