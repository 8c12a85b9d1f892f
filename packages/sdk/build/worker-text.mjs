// Bundles the program of the worker thread into one text: piscina's worker.js, @offthread/worker and all dependencies.
import { builtinModules } from 'node:module';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { piscinaInThread, threadModule } from './piscina.mjs';

const worker = fileURLToPath(new URL('../../worker/src/index.ts', import.meta.url));

/**
 * Replacements for modules that got imports for options that the worker doesn't use (http2, dnsCache, cache, decompress).
 * The modules would double the memory and the start time of the thread. got throws if one of these options is set.
 */
const LEFT_OUT = {
  'http2-wrapper': 'export default undefined;',
  'cacheable-lookup': 'export default undefined;',
  'cacheable-request': 'export default undefined; export class CacheError extends Error {}',
  'decompress-response': 'export default undefined;',
};

/** esbuild plugin that replaces these modules. The build fails if got no longer imports them. */
export const partsOfGot = {
  name: 'parts of got',
  setup({ onResolve, onLoad, onEnd }) {
    const left = new Set(Object.keys(LEFT_OUT));
    onResolve({ filter: /^(http2-wrapper|cacheable-|decompress-response$)/ }, ({ path }) => {
      left.delete(path);
      return { path, namespace: 'left out' };
    });
    onLoad({ filter: /./, namespace: 'left out' }, ({ path }) => ({ contents: LEFT_OUT[path] }));
    onEnd(() => {
      if (left.size > 0)
        throw new Error(
          `got no longer imports ${[...left].join(', ')}. Adapt build/worker-text.mjs to this version`,
        );
    });
  },
};

/**
 * esbuild plugin that loads these modules when a property of theirs is first read. An API over http needs none of them,
 * and on Node.js 26 they take 20 ms of the CPU time of a short script.
 */
const lateModules = {
  name: 'late modules',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^(node:)?(https|tls|crypto|zlib)$/ }, ({ path, importer }) => {
      const isId = /[\\/]got[\\/].*[\\/]diagnostics-channel\.js$/.test(importer);
      return { path: isId ? 'id of a request' : path.replace('node:', ''), namespace: 'late' };
    });
    onResolve({ filter: /^hpagent$/ }, ({ path, namespace, resolveDir }) =>
      namespace === 'late' ? undefined : { path, namespace: 'late', pluginData: resolveDir },
    );
    onLoad({ filter: /./, namespace: 'late' }, ({ path, pluginData }) => ({
      contents: LATE[path] ?? late(`process.getBuiltinModule('node:${path}')`),
      resolveDir: pluginData,
    }));
  },
};

/**
 * A CommonJS module that loads another one late. esbuild makes a copy of its own properties for ES modules, which would
 * load it, but keeps its prototype.
 */
function late(load) {
  return `module.exports = Object.create(new Proxy({}, {
    get: (_, name) => (name === '__esModule' ? undefined : ${load}[name]),
  }));`;
}

const LATE = {
  // Bundled. Its classes extend those of node:https.
  hpagent: late(`require('hpagent')`),
  // got gives each request an id, for subscribers of diagnostics channels. There are none in the thread.
  'id of a request': `export const randomUUID = () => '';`,
};

/** @param {string} version of the SDK. @returns {Promise<{ text: string, metafile: import('esbuild').Metafile }>} */
export async function buildWorkerText(version) {
  const { outputFiles, metafile } = await build({
    entryPoints: [threadModule],
    bundle: true,
    minify: true,
    // CommonJS, because code from a text has no require() in an ES module, and the main thread may end while that loads.
    format: 'cjs',
    platform: 'node',
    target: 'node20.19',
    define: { OFFTHREAD_VERSION: JSON.stringify(version) },
    legalComments: 'none',
    plugins: [piscinaInThread(worker), partsOfGot, lateModules],
    write: false,
    metafile: true,
    logLevel: 'warning',
  });
  const { text } = outputFiles[0];
  check(text);
  return { text: text.trimEnd(), metafile };
}

/** Throws if the text needs more than Node.js, or contains code that a flag forbids or a bundler replaces. */
function check(text) {
  for (const [, name] of text.matchAll(/\brequire\("([^"]+)"\)/g)) {
    if (!builtinModules.includes(name.replace('node:', '')))
      throw new Error(`The worker requires ${name}, which is neither bundled nor part of Node.js`);
  }
  // Code generation, which flags of Node.js can forbid; expressions that bundlers replace, even in a string; dynamic imports.
  const unwanted =
    /\bnew Function\b|\beval\(|\bimport\(|\bimport\.meta\b|process\.env\.NODE_ENV|\b__dirname\b/.exec(text);
  if (unwanted !== null) {
    const around = text.slice(Math.max(0, unwanted.index - 60), unwanted.index + 60);
    throw new Error(`The text of the worker contains ${unwanted[0]}: ${around}`);
  }
}
