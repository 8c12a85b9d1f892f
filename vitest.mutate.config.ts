// For `npm run mutate`: tests of pure code that run against the sources, which Stryker changes, instead of the build. Without
// a build there is no program for the worker thread, so these test files must not start one.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

interface Manifest {
  name: string;
  version: string;
  exports: Record<string, string | { default: string } | { 'offthread-internal': { default: string } }>;
}

const manifests = ['worker', 'sdk', 'tracking-api'].map((folder) => {
  const url = new URL(`packages/${folder}/`, import.meta.url);
  return { url, manifest: JSON.parse(readFileSync(new URL('package.json', url), 'utf8')) as Manifest };
});

/** The source file in src/ of each public entry of a package. */
const alias = manifests.flatMap(({ url, manifest }) =>
  Object.entries(manifest.exports).flatMap(([path, entry]) => {
    if (typeof entry === 'string') return [];
    const file = 'default' in entry ? entry.default : entry['offthread-internal'].default;
    const source = file.replace('/dist/', '/src/').replace(/js$/, 'ts').replace('*', '$1');
    const find = new RegExp(`^${manifest.name}${path.slice(1).replace('*', '(.+)')}$`);
    return { find, replacement: fileURLToPath(new URL(source, url)) };
  }),
);

export default defineConfig({
  define: { OFFTHREAD_VERSION: JSON.stringify(manifests[1]?.manifest.version) },
  resolve: { alias },
  test: {
    include: [
      'test/batch/batch.test.ts',
      'test/delivery/{backoff,outcome,retry}.test.ts',
      'test/event/{before-send,event-refusal,prototypes,timestamp}.test.ts',
      'test/frame/frame.test.ts',
      'test/settings/names.test.ts',
      'test/spool/{format,retention,retry}.test.ts',
      'test/testing/testing-kit.test.ts',
      'test/tracking-api/{event-texts,merged-context}.test.ts',
    ],
    setupFiles: ['test/helpers/in-thread.ts'],
    testTimeout: 30_000,
  },
});
