import { configDefaults, defineConfig } from 'vitest/config';
import { findBrowser } from './test/helpers/browser.js';

/** Tests of web pages need a browser. It is required in CI, and optional elsewhere. */
const needBrowser = ['test/devtools/listen-page*.test.ts', 'test/tracking-api/browser-client.test.ts'];
const hasBrowser = findBrowser() !== undefined;
if (!hasBrowser) {
  const remedy = 'no Chromium found: install one, or set OFFTHREAD_CHROMIUM to its path';
  if (process.env['CI']) throw new Error(`${needBrowser.join(', ')}: ${remedy}`);
  process.stderr.write(`\nNOT run: ${needBrowser.join(', ')}: ${remedy}.\n`);
}

export default defineConfig({
  // The first condition is for the modules of @offthread/worker, which other programs can't import.
  ssr: { resolve: { conditions: ['offthread-internal', 'module', 'node'] } },
  test: {
    include: ['test/**/*.test.ts'],
    exclude: [...configDefaults.exclude, ...(hasBrowser ? [] : needBrowser)],
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
