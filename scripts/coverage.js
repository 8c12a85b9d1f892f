// Runs the test suite with coverage of packages/*/src, including worker threads and child processes, which V8 covers by
// itself. Passes its arguments to Vitest and exits with Vitest's exit code. A run is slower, and writes some hundred
// megabytes to coverage/.
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { CoverageReport } from 'monocart-coverage-reports';

const root = fileURLToPath(new URL('..', import.meta.url));
const output = fileURLToPath(new URL('../coverage', import.meta.url));
const raw = fileURLToPath(new URL('../coverage-raw', import.meta.url));

rmSync(raw, { recursive: true, force: true });
const vitest = fileURLToPath(new URL('vitest.mjs', import.meta.resolve('vitest/package.json')));
const { status } = spawnSync(process.execPath, [vitest, 'run', ...process.argv.slice(2)], {
  cwd: root,
  stdio: 'inherit',
  env: { ...process.env, NODE_V8_COVERAGE: raw },
});

const report = new CoverageReport({
  name: 'Offthread',
  baseDir: root,
  outputDir: output,
  logging: 'error',
  reports: [
    ['console-details', { metrics: ['lines', 'branches', 'functions'] }],
    'console-summary',
    'v8',
    'markdown-summary',
  ],
  entryFilter: ({ url }) => /\/packages\/[\w-]+\/dist\//.test(url),
  sourceFilter: (path) => /packages\/[\w-]+\/src\//.test(path),
});
await report.addFromDir(raw);
await report.generate();
rmSync(raw, { recursive: true, force: true });
process.exitCode = status ?? 1;
