// Builds the relay after `tsc`: bundles the command line with what it uses of @offthread/worker, which isn't published.
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { importedBuiltins } from '../../sdk/build/builtins.mjs';
import { licensesOf } from '../../sdk/build/licenses.mjs';
import { partsOfGot } from '../../sdk/build/worker-text.mjs';

const home = dirname(dirname(fileURLToPath(import.meta.url)));
const { name, version, dependencies } = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8'));
const isDependency = (path) =>
  Object.keys(dependencies).some((each) => path === each || path.startsWith(`${each}/`));

const { metafile } = await build({
  entryPoints: [join(home, 'src/cli.ts')],
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  // `module` is esbuild's default, which setting conditions would remove.
  conditions: ['offthread-internal', 'module'],
  external: Object.keys(dependencies).flatMap((each) => [each, `${each}/*`]),
  plugins: [partsOfGot, importedBuiltins],
  outfile: join(home, 'dist/cli.js'),
  define: { OFFTHREAD_VERSION: JSON.stringify(version) },
  sourcemap: true,
  // The package contains the sources.
  sourcesContent: false,
  metafile: true,
  logLevel: 'warning',
});
for (const [file, { imports }] of Object.entries(metafile.outputs)) {
  for (const { path, kind } of imports.filter(({ external }) => external)) {
    if (kind === 'require-call')
      throw new Error(`${file} calls require('${path}'), which doesn't work in an ES module`);
    if (!path.startsWith('node:') && !isDependency(path))
      throw new Error(`${file} imports ${path}, which is neither bundled nor a dependency`);
  }
}
writeFileSync(join(home, 'THIRD-PARTY-LICENSES.txt'), licensesOf(name, metafile));
