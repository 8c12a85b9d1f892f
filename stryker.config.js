// `npm run mutate`: changes pure code, one place at a time, and checks that a test fails.

// Tests of timestamps set this time zone. They can't do that in a thread, and Stryker runs them in one.
process.env.TZ = 'Asia/Kolkata';

/** Files whose tests need no worker thread: see vitest.mutate.config.ts. */
export default {
  testRunner: 'vitest',
  plugins: ['@stryker-mutator/vitest-runner'],
  vitest: { configFile: 'vitest.mutate.config.ts', related: false },
  coverageAnalysis: 'perTest',
  mutate: [
    'packages/worker/src/**/{backoff,batch,body,body-format,frame,outcome,retry,retry-after}.ts',
    'packages/worker/src/spool/{retention,segment}.ts',
    'packages/sdk/src/event/{before-send,event-fields,timestamp,validate}.ts',
    'packages/sdk/src/input/{other-names,suggest}.ts',
    'packages/tracking-api/src/{event-texts,json-members,json-spans}.ts',
  ],
  ignorePatterns: ['bench', 'docs', 'examples', 'reports', 'site'],
  // Both would need TypeScript's own parser, which version 7 doesn't have. Vitest doesn't check types, and reads no
  // tsconfig.json here.
  disableTypeChecks: false,
  tsconfigFile: 'none',
  concurrency: 2,
  // On a busy machine, the default of 5 seconds beyond the usual time would count mutants as found that are only slow.
  timeoutMS: 20_000,
  reporters: ['clear-text', 'progress-append-only', 'html', 'json'],
  clearTextReporter: { logTests: false, allowColor: false, reportTests: false },
  cleanTempDir: 'always',
  packageManager: 'pnpm',
};
