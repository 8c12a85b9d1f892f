// Patches piscina in the build, so that its thread runs the worker's code from a text in the bundle instead of loading
// files. The build fails if a version of piscina doesn't have the lines to patch.
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { withoutRequire } from './builtins.mjs';

/** The folder of piscina's code. */
const folder = dirname(createRequire(import.meta.url).resolve('piscina'));

/** The patterns to replace in each module of piscina. */
const CHANGES = {
  // Runs in the thread. A task is a function that the worker exports.
  'worker.js': [
    [
      /async function getHandler\(filename, name\) \{\n.*?\n\}\n/gs,
      "async function getHandler(_, name) { return require('offthread:worker')[name] ?? null; }\n",
    ],
    // Contains a `new Function`.
    [/let importESMCached;\nfunction getImportESM\(\) \{\n.*?\n\}\n/gs, ''],
    // An optional dependency for an option that the SDK doesn't use.
    [/__importStar\(require\('@napi-rs\/nice'\)\)/g, '{}'],
  ],
  // Runs on the main thread. The text of the worker replaces the name of its file.
  'index.js': [
    [/\(0, node_path_1\.resolve\)\(__dirname, 'worker\.js'\)/g, "require('offthread:worker-text')"],
    [/require\("\.\.\/package\.json"\)/g, '{}'],
  ],
  'worker_pool/index.js': [
    // Its output isn't passed on: it has none, and main would load the modules of its own stdout and stderr.
    [
      /new node_worker_threads_1\.Worker\(filename, workerOpts\)/g,
      'new node_worker_threads_1.Worker(filename, { ...workerOpts, eval: true, stdout: true, stderr: true })',
    ],
  ],
};

/** The module that piscina runs in the thread. */
export const threadModule = join(folder, 'worker.js');

/** esbuild plugin for piscina in the thread. Its tasks are the exports of the module `worker`. */
export function piscinaInThread(worker) {
  return {
    name: 'piscina in the thread',
    setup(build) {
      change(build, ['worker.js'], (code) => code);
      build.onResolve({ filter: /^offthread:worker$/ }, () => ({ path: worker }));
    },
  };
}

/** esbuild plugin for piscina on the main thread. `text` is the program of the thread. */
export function piscinaOnMain(text) {
  return {
    name: 'piscina on main',
    setup(build) {
      change(build, ['index.js', 'worker_pool/index.js'], withoutRequire);
      build.onResolve({ filter: /^offthread:worker-text$/ }, ({ path }) => ({ path, namespace: 'text' }));
      build.onLoad({ filter: /./, namespace: 'text' }, () => ({ contents: text, loader: 'text' }));
    },
  };
}

/** Patches these modules of piscina, and applies `changeAll` to all its modules. */
function change({ onLoad, onEnd }, names, changeAll) {
  const left = new Set(names);
  onLoad({ filter: /[\\/]piscina[\\/].*\.js$/ }, async ({ path }) => {
    const name = names.find((each) => path === join(folder, each));
    left.delete(name);
    let contents = await readFile(path, 'utf8');
    for (const [piece, replacement] of CHANGES[name] ?? []) {
      const found = contents.match(piece)?.length ?? 0;
      if (found !== 1)
        throw new Error(
          `Expected one match of ${piece} in ${name} of piscina, got ${found}. Adapt build/piscina.mjs to this version`,
        );
      contents = contents.replace(piece, () => replacement);
    }
    return { contents: changeAll(contents) };
  });
  onEnd(() => {
    if (left.size > 0)
      throw new Error(
        `piscina no longer loads ${[...left].join(', ')}. Adapt build/piscina.mjs to this version`,
      );
  });
}
