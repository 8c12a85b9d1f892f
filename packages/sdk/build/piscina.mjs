// What the build changes in piscina, so that its thread runs the text that the SDK carries and looks nothing up by name. A
// version of piscina without the lines below fails the build.
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { withoutRequire } from './builtins.mjs';

/** The folder of piscina's code. */
const folder = dirname(createRequire(import.meta.url).resolve('piscina'));

/** Modules of piscina, and in each the pieces that are replaced. */
const CHANGES = {
  // In the thread. A task is a function that the worker exports.
  'worker.js': [
    [
      /async function getHandler\(filename, name\) \{\n.*?\n\}\n/gs,
      "async function getHandler(_, name) { return require('offthread:worker')[name] ?? null; }\n",
    ],
    // It holds a `new Function`.
    [/let importESMCached;\nfunction getImportESM\(\) \{\n.*?\n\}\n/gs, ''],
    // An optional dependency, for a setting that the SDK doesn't use.
    [/__importStar\(require\('@napi-rs\/nice'\)\)/g, '{}'],
  ],
  // On main. What piscina takes for the name of a file is the text.
  'index.js': [
    [/\(0, node_path_1\.resolve\)\(__dirname, 'worker\.js'\)/g, "require('offthread:worker-text')"],
    [/require\("\.\.\/package\.json"\)/g, '{}'],
  ],
  'worker_pool/index.js': [
    [
      /new node_worker_threads_1\.Worker\(filename, workerOpts\)/g,
      'new node_worker_threads_1.Worker(filename, { ...workerOpts, eval: true })',
    ],
  ],
};

/** The module that piscina runs in the thread. */
export const threadModule = join(folder, 'worker.js');

/** Plugin of esbuild: piscina in the thread, with what `worker` exports as its tasks. */
export function piscinaInThread(worker) {
  return {
    name: 'piscina in the thread',
    setup(build) {
      change(build, ['worker.js'], (code) => code);
      build.onResolve({ filter: /^offthread:worker$/ }, () => ({ path: worker }));
    },
  };
}

/** Plugin of esbuild: piscina on main, with `text` as the program of its thread. */
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

/** Makes the changes of these modules, and the same one in each module. */
function change({ onLoad, onEnd }, names, changeAll) {
  const left = new Set(names);
  onLoad({ filter: /[\\/]piscina[\\/].*\.js$/ }, async ({ path }) => {
    const name = names.find((each) => path === join(folder, each));
    left.delete(name);
    let contents = await readFile(path, 'utf8');
    for (const [piece, replacement] of CHANGES[name] ?? []) {
      const found = contents.match(piece)?.length ?? 0;
      if (found !== 1) throw new Error(`${name} of piscina has changed: ${piece} is in it ${found} times`);
      contents = contents.replace(piece, () => replacement);
    }
    return { contents: changeAll(contents) };
  });
  onEnd(() => {
    if (left.size > 0) throw new Error(`piscina has changed: it doesn't load ${[...left].join(', ')}`);
  });
}
