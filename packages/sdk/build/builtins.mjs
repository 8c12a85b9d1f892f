// Gets the modules of Node.js with `process.getBuiltinModule()` in bundled code: instead of `require()`, because an ES
// module has none, and instead of `import`, because that runs all getters of a module, which load more modules.
import { readFile } from 'node:fs/promises';
import { isBuiltin } from 'node:module';

// Replaces node:assert, which takes 4 ms to load on Node.js 20.
const ASSERT = `
  const assert = (value) => {
    if (!value) throw new Error('An assertion failed');
  };
  assert.notStrictEqual = (actual, unwanted) => assert(actual !== unwanted);
  export default assert;
`;

/**
 * Replaces node:crypto for nanoid. The main thread needs only 21 random bytes per client, and loading node:crypto takes
 * 10 ms of CPU. It is still loaded on Windows, in Deno, which would ask the user for permission to read the file, and
 * if reading fails.
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

const IMPORT = /^import (?:\{([^}]+)\}|\* as ([\w$]+)|([\w$]+)) from "(node:[\w/]+)";$/gm;

/**
 * Rewrites the imports of Node.js modules in a bundle. On Node.js 26, an import of node:fs alone would load the modules of
 * streams and of node:fs/promises, which is 4 MB.
 *
 * @throws if an import is left.
 */
export function withoutImports(code) {
  const changed = code.replace(IMPORT, (_, names, namespace, value, path) => {
    const target = names === undefined ? (namespace ?? value) : `{${names.replaceAll(' as ', ': ')}}`;
    return `const ${target} = process.getBuiltinModule("${path}");`;
  });
  const [left] = /^import .*"node:.*/m.exec(changed) ?? [];
  if (left !== undefined) throw new Error(`An import of another form than expected: ${left}`);
  return changed;
}

/** Rewrites CommonJS code to get modules of Node.js when it needs them. An import would load them with the package. */
export function withoutRequire(code) {
  return code.replace(/\brequire\((['"])([\w:/]+)\1\)/g, (call, _, name) => {
    if (name === 'node:assert') return `${call}.default`;
    return isBuiltin(name) ? `process.getBuiltinModule('${name}')` : call;
  });
}

/** esbuild plugin that does this in all dependencies. */
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
