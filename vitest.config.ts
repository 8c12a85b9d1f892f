import { configDefaults, defineConfig } from 'vitest/config';
import { findBrowser } from './test/helpers/browser.js';

/** Tests of the live page need a browser. CI must have one; a newcomer's machine need not. */
const needBrowser = 'test/devtools/listen-page.test.ts';
const hasBrowser = findBrowser() !== undefined;
if (!hasBrowser) {
  const remedy = 'no Chromium found; install one, or name it by OFFTHREAD_CHROMIUM';
  if (process.env['CI']) throw new Error(`${needBrowser}: ${remedy}`);
  process.stderr.write(`\n${needBrowser} is NOT run: ${remedy}.\n`);
}

export default defineConfig({
  // The first one is for the modules of @offthread/worker, which no other program may import.
  ssr: { resolve: { conditions: ['offthread-internal', 'module', 'node'] } },
  test: {
    include: ['test/**/*.test.ts'],
    exclude: [...configDefaults.exclude, ...(hasBrowser ? [] : [needBrowser])],
    setupFiles: process.env['NODE_V8_COVERAGE'] ? ['test/helpers/coverage.ts'] : [],
    pool: 'forks',
    // One for each core, instead of one less: most of the time a test waits for another process.
    maxWorkers: '100%',
    testTimeout: 30_000,
    // Tests import the built packages by name; Node loads them, as it does for a user.
    server: { deps: { external: [/\/packages\/[^/]+\/dist\//] } },
    reporters: process.env['CI'] ? ['default', ['json', { outputFile: '.test-report.json' }]] : ['default'],
  },
});
