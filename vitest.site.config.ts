// For `npm run test:docs`: tests of the documentation site, which must have been built.
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/site/*.test.ts'],
    testTimeout: 240_000,
    hookTimeout: 60_000,
    expect: { poll: { timeout: 20_000 } },
  },
});
