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
 * CommonJS code that takes modules of Node.js from the process, when it needs them. To import them would load them with the
 * package, and with all that is behind their getters: 2 to 6 MB more.
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
    onResolve({ filter: /^[\w:/]+$/ }, ({ path, kind }) => {
      if (!isBuiltin(path)) return undefined;
      if (kind === 'require-call') return { path, namespace: 'builtin' };
      return { path: path.startsWith('node:') ? path : `node:${path}`, external: true };
    });
    onLoad({ filter: /^node:assert$/, namespace: 'builtin' }, () => ({ contents: ASSERT }));
    onLoad({ filter: /[\\/]node_modules[\\/].*\.js$/ }, async ({ path }) => ({
      contents: withoutRequire(await readFile(path, 'utf8')),
    }));
  },
};
