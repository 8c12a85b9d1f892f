// Modules of Node.js that bundled CommonJS code requires. In an ES module there is no require().
import { readFile } from 'node:fs/promises';
import { isBuiltin } from 'node:module';

// Loading node:assert takes 4 ms on Node 20, and piscina asserts little.
const ASSERT = `
  const assert = (value) => {
    if (!value) throw new Error('An assertion failed');
  };
  assert.notStrictEqual = (actual, unwanted) => assert(actual !== unwanted);
  export default assert;
`;

/**
 * What nanoid finds as node:crypto: main needs 21 random bytes a client, and to load the module for
 * them takes a script 10 ms of CPU. It is loaded on Windows, if the file can't be read, and in Deno, which would ask the
 * user for permission.
 */
const CRYPTO = `
  const { openSync, readSync, closeSync } = process.getBuiltinModule('node:fs');
  function readRandom(bytes) {
    if (process.platform === 'win32' || process.versions.deno !== undefined) return false;
    let file;
    try {
      file = openSync('/dev/urandom', 'r');
      return readSync(file, bytes) === bytes.length;
    } catch {
      return false;
    } finally {
      if (file !== undefined) closeSync(file);
    }
  }
  export const webcrypto = {
    getRandomValues: (bytes) =>
      readRandom(bytes) ? bytes : process.getBuiltinModule('node:crypto').webcrypto.getRandomValues(bytes),
  };
`;

/**
 * CommonJS code that takes modules of Node.js from the process, when it needs them. To import them would load them with the
 * package, and with all that is behind their getters.
 */
export function withoutRequire(code) {
  return code.replace(/\brequire\((['"])([\w:/]+)\1\)/g, (call, _, name) => {
    if (name === 'node:assert') return `${call}.default`;
    return isBuiltin(name) ? `process.getBuiltinModule('${name}')` : call;
  });
}

/** Plugin of esbuild. */
export const importedBuiltins = {
  name: 'imported builtins',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^node:crypto$/ }, ({ path, importer }) =>
      /[\\/]nanoid[\\/]index\.js$/.test(importer) ? { path, namespace: 'builtin' } : undefined,
    );
    onResolve({ filter: /^[\w:/]+$/ }, ({ path, kind }) => {
      if (!isBuiltin(path)) return undefined;
      if (kind === 'require-call') return { path, namespace: 'builtin' };
      return { path: path.startsWith('node:') ? path : `node:${path}`, external: true };
    });
    onLoad({ filter: /^node:assert$/, namespace: 'builtin' }, () => ({ contents: ASSERT }));
    onLoad({ filter: /^node:crypto$/, namespace: 'builtin' }, () => ({ contents: CRYPTO }));
    onLoad({ filter: /[\\/]node_modules[\\/].*\.js$/ }, async ({ path }) => ({
      contents: withoutRequire(await readFile(path, 'utf8')),
    }));
  },
};
