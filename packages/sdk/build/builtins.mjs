// Modules of Node.js that bundled CommonJS code requires. In an ES module there is no require(), so they are imported.
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
 * CommonJS code that takes what a module of Node.js exports from its default export, which is the whole of it. The namespace
 * isn't, in a bundle of the webpack in ncc and Next.js: there it lacks what is a property of a function.
 */
export function requireDefaults(code) {
  return code.replace(/\brequire\((['"])([\w:/]+)\1\)/g, (call, _, name) =>
    isBuiltin(name) ? `${call}.default` : call,
  );
}

/** Plugin of esbuild. */
export const importedBuiltins = {
  name: 'imported builtins',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^[\w:/]+$/ }, ({ path, kind }) => {
      if (!isBuiltin(path)) return undefined;
      const name = path.startsWith('node:') ? path : `node:${path}`;
      return kind === 'require-call' ? { path: name, namespace: 'builtin' } : { path: name, external: true };
    });
    onLoad({ filter: /./, namespace: 'builtin' }, ({ path }) => ({
      contents: path === 'node:assert' ? ASSERT : `export { default } from '${path}';`,
    }));
    onLoad({ filter: /[\\/]node_modules[\\/].*\.js$/ }, async ({ path }) => ({
      contents: requireDefaults(await readFile(path, 'utf8')),
    }));
  },
};
