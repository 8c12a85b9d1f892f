import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    pool: 'forks',
    testTimeout: 30_000,
    // Tests import the built packages by name; Node loads them, as it does for a user.
    server: { deps: { external: [/\/packages\/[^/]+\/dist\//] } },
    reporters: process.env['CI'] ? ['default', ['json', { outputFile: '.test-report.json' }]] : ['default'],
  },
});
