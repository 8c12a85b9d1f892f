import { configDefaults, defineConfig } from 'vitest/config';
import { findBrowser } from './test/helpers/browser.js';
import { findRedis } from './test/helpers/find-redis.js';

/** Tests that need a program. It is required in CI, and optional elsewhere. */
const optional = [
  {
    files: [
      'test/devtools/getting-started.test.ts',
      'test/devtools/listen-page*.test.ts',
      'test/tracking-api/browser-client.test.ts',
      'test/relay/ingest-browser.test.ts',
    ],
    isHere: findBrowser() !== undefined,
    remedy: 'no Chromium found: install one, or set OFFTHREAD_CHROMIUM to its path',
  },
  {
    files: [
      'redis-engine',
      'redis-faults',
      'redis-cli',
      'drain',
      'fleet',
      'fleet-demo',
      'fleet-examples',
    ].map((file) => `test/relay/${file}.test.ts`),
    isHere: findRedis() !== undefined,
    remedy: 'no redis-server found: install one, or set OFFTHREAD_REDIS_SERVER to its path',
  },
].filter(({ isHere }) => !isHere);
for (const { files, remedy } of optional) {
  if (process.env['CI']) throw new Error(`${files.join(', ')}: ${remedy}`);
  process.stderr.write(`\nNOT run: ${files.join(', ')}: ${remedy}.\n`);
}

export default defineConfig({
  // The first condition is for the modules of @offthread/worker, which other programs can't import.
  ssr: { resolve: { conditions: ['offthread-internal', 'module', 'node'] } },
  test: {
    include: ['test/**/*.test.ts'],
    // vitest.site.config.ts has those of the documentation site, which must be built for them.
    exclude: [...configDefaults.exclude, 'test/site/**', ...optional.flatMap(({ files }) => files)],
    setupFiles: process.env['NODE_V8_COVERAGE'] ? ['test/helpers/coverage.ts'] : [],
    pool: 'forks',
    // One worker for each core instead of one less, because tests mostly wait for other processes.
    maxWorkers: '100%',
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // The default of one second is too short for a busy machine.
    expect: { poll: { timeout: 20_000 } },
    // Tests import the built packages by name. Node.js loads them, as it does for users.
    server: { deps: { external: [/\/packages\/[^/]+\/dist\//] } },
    reporters: process.env['CI'] ? ['default', ['json', { outputFile: '.test-report.json' }]] : ['default'],
  },
});
