// Builds the SDK after `tsc`: bundles it with its dependencies, and gathers declarations and licenses.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { importedBuiltins, withoutImports } from './builtins.mjs';
import { gatherDeclarations } from './declarations.mjs';
import { licensesOf } from './licenses.mjs';
import { piscinaOnMain } from './piscina.mjs';
import { buildWorkerText } from './worker-text.mjs';

const home = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(home, 'dist');
const { name, version, exports, peerDependencies } = JSON.parse(
  readFileSync(join(home, 'package.json'), 'utf8'),
);
/** The modules that the package exports, without file extensions. */
const modules = Object.values(exports).flatMap(
  ({ types }) => types?.replace(/^\.\/dist\/(.+)\.d\.ts$/, '$1') ?? [],
);

/** Bundles these modules. Code that several of them share goes into separate modules. */
async function bundle(entries, ...plugins) {
  const { metafile, outputFiles } = await build({
    entryPoints: entries.map((name) => join(home, 'src', `${name}.ts`)),
    bundle: true,
    splitting: entries.length > 1,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    // `module` is esbuild's default, which setting conditions would remove.
    conditions: ['offthread-internal', 'module'],
    external: [...Object.keys(peerDependencies), name],
    plugins: [...plugins, importedBuiltins],
    chunkNames: 'shared/[hash]',
    outbase: join(home, 'src'),
    outdir: dist,
    define: { OFFTHREAD_VERSION: JSON.stringify(version) },
    sourcemap: true,
    // The package contains the sources.
    sourcesContent: false,
    metafile: true,
    write: false,
    logLevel: 'warning',
  });
  check(metafile);
  for (const { path, text } of outputFiles) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, path.endsWith('.js') ? withoutImports(text) : text);
  }
  return metafile;
}

/** Throws if a bundle imports anything but modules of Node.js, peer dependencies and the package itself. */
function check({ outputs }) {
  for (const [file, { imports }] of Object.entries(outputs)) {
    for (const { path, kind } of imports.filter(({ external }) => external)) {
      if (kind === 'require-call')
        throw new Error(`${file} calls require('${path}'), which doesn't work in an ES module`);
      if (path.startsWith('node:') || Object.hasOwn(peerDependencies, path) || path === name) continue;
      throw new Error(`${file} imports ${path}, which is neither bundled nor a peer dependency`);
    }
  }
}

/**
 * esbuild plugin that imports the public classes from the package's main entry point, so that each class exists once.
 * The other exports of their modules are functions, which may be duplicated.
 */
const classesOfIndex = {
  name: 'classes of index',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^\.\.?\/(analytics|errors)\.js$/, namespace: 'file' }, ({ path }) => ({
      path: basename(path, '.js'),
      namespace: 'classes',
    }));
    onLoad({ filter: /./, namespace: 'classes' }, ({ path }) => ({
      contents:
        path === 'analytics'
          ? `export { Analytics } from '${name}';`
          : `export { AnalyticsError, ValidationError } from '${name}'; export * from './${path}.ts';`,
      resolveDir: join(home, 'src'),
    }));
  },
};

/** Removes files of earlier builds, which would be published otherwise. */
function removeOthers(outputs) {
  const kept = new Set(outputs.map((file) => resolve(file)));
  for (const each of readdirSync(dist, { recursive: true })) {
    const file = join(dist, each);
    if (/\.js(\.map)?$/.test(each) && !kept.has(file)) rmSync(file);
  }
}

/**
 * Modules that are bundled together, because they share code: a class of the test kit, and how events are checked. Not all
 * of them, because esbuild makes a module for every combination of those that share something.
 */
const GROUPS = [/^testing\//, /^(fastify|frameworks|compat)\//, /^metrics\//];

rmSync(join(dist, 'worker'), { recursive: true, force: true });
const worker = await buildWorkerText(version);
const bundles = await Promise.all([
  // A single module, because loading each module takes about a millisecond on the main thread.
  bundle(['index'], piscinaOnMain(worker.text)),
  ...modules
    .filter((each) => each !== 'index' && !GROUPS.some((isInGroup) => isInGroup.test(each)))
    .map((each) => bundle([each], classesOfIndex)),
  ...GROUPS.map((isInGroup) =>
    bundle(
      modules.filter((each) => isInGroup.test(each)),
      classesOfIndex,
    ),
  ),
]);
removeOthers(bundles.flatMap(({ outputs }) => Object.keys(outputs)));
gatherDeclarations(dist, modules, join(home, '../worker/dist'));
writeFileSync(join(home, 'THIRD-PARTY-LICENSES.txt'), licensesOf(name, worker.metafile, ...bundles));
