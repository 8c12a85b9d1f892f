// Modules of Node.js that bundled CommonJS code requires. In an ES module there is no require(), so they are imported.
import { isBuiltin } from 'node:module';

// Loading node:assert takes 4 ms on Node 20, and piscina asserts little.
const ASSERT = `
  const assert = (value) => {
    if (!value) throw new Error('An assertion failed');
  };
  assert.notStrictEqual = (actual, unwanted) => assert(actual !== unwanted);
  export default assert;
`;

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
      contents:
        path === 'node:assert' ? ASSERT : `export * from '${path}'; export { default } from '${path}';`,
    }));
  },
};
