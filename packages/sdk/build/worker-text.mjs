// The program of the worker thread as one text: piscina's side of the thread, @offthread/worker, and all that it imports.
import { builtinModules } from 'node:module';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { piscinaInThread, threadModule } from './piscina.mjs';

const worker = fileURLToPath(new URL('../../worker/src/index.ts', import.meta.url));

/**
 * What got imports for settings that the worker doesn't use (http2, dnsCache, cache), and what it finds instead. They
 * would double the memory of the thread and the time it takes to start. With such a setting, got would throw.
 */
const LEFT_OUT = {
  'http2-wrapper': 'export default undefined;',
  'cacheable-lookup': 'export default undefined;',
  'cacheable-request': 'export default undefined; export class CacheError extends Error {}',
};

/** Plugin of esbuild: leaves these out, and throws if got no longer imports them. */
const partsOfGot = {
  name: 'parts of got',
  setup({ onResolve, onLoad, onEnd }) {
    const left = new Set(Object.keys(LEFT_OUT));
    onResolve({ filter: /^(http2-wrapper|cacheable-)/ }, ({ path }) => {
      left.delete(path);
      return { path, namespace: 'left out' };
    });
    onLoad({ filter: /./, namespace: 'left out' }, ({ path }) => ({ contents: LEFT_OUT[path] }));
    onEnd(() => {
      if (left.size > 0) throw new Error(`got has changed: it doesn't import ${[...left].join(', ')}`);
    });
  },
};

/** @param {string} version of the SDK. @returns {Promise<{ text: string, metafile: import('esbuild').Metafile }>} */
export async function buildWorkerText(version) {
  const { outputFiles, metafile } = await build({
    entryPoints: [threadModule],
    bundle: true,
    minify: true,
    // CommonJS: a thread that runs an ES module from a text has no require(), and main may end while it loads.
    format: 'cjs',
    platform: 'node',
    target: 'node20.19',
    define: { OFFTHREAD_VERSION: JSON.stringify(version) },
    legalComments: 'none',
    plugins: [piscinaInThread(worker), partsOfGot],
    write: false,
    metafile: true,
    logLevel: 'warning',
  });
  const { text } = outputFiles[0];
  check(text);
  return { text: text.trimEnd(), metafile };
}

/** Throws unless the text needs nothing but Node.js, and can stand in a string of any bundle. */
function check(text) {
  for (const [, name] of text.matchAll(/\brequire\("([^"]+)"\)/g)) {
    if (!builtinModules.includes(name.replace('node:', ''))) throw new Error(`The worker requires ${name}`);
  }
  // Code generation, which flags of Node.js forbid; what bundlers replace, also in a string; a module that isn't here.
  const unwanted =
    /\bnew Function\b|\beval\(|\bimport\(|\bimport\.meta\b|process\.env\.NODE_ENV|\b__dirname\b/.exec(text);
  if (unwanted !== null) {
    const around = text.slice(Math.max(0, unwanted.index - 60), unwanted.index + 60);
    throw new Error(`The worker's text has ${unwanted[0]} in it: ${around}`);
  }
}
