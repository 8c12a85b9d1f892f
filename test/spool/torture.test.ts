// npm run torture, without the set-up and shorter: servers with a spool are killed under load, again and again.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test, vi } from 'vitest';

const torture = fileURLToPath(new URL('../torture/torture.js', import.meta.url));

// A server is started for each kill, on whatever this machine has left beside other tests.
vi.setConfig({ testTimeout: 180_000 });

interface Result {
  readonly answered: number;
  readonly missing: readonly string[];
  readonly missingRisky: number;
  readonly doubled: readonly string[];
}

function run(...options: string[]): Promise<Result> {
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [torture, '--json', ...options], { timeout: 170_000 }, (_, stdout, stderr) => {
      if (stdout === '') reject(new Error(stderr));
      else resolve(JSON.parse(stdout));
    });
  });
}

test('Orders answered after stored() arrive, all of them, whatever the moment of the kill', async () => {
  const result = await run('--durable', '--kills', '20', '--seed', '1');
  expect(result).toMatchObject({ missing: [], missingRisky: 0, doubled: [] });
  expect(result.answered).toBeGreaterThan(20);
});

// 50 ms on a machine of its own. Here a thread may have to wait for its turn for much longer.
const window = ['--window', '2000'];

test('Orders answered after track() arrive, but for those of the last moment', async () => {
  const result = await run('--kills', '15', '--seed', '2', '--most', '1500', ...window);
  expect(result).toMatchObject({ missing: [], doubled: [] });
  expect(result.answered).toBeGreaterThan(20);
});

test('They also do if the API is down until the last process, and the main thread is blocked', async () => {
  const result = await run(
    '--kills',
    '15',
    '--seed',
    '3',
    '--most',
    '4000',
    '--outage',
    '--blocks',
    ...window,
  );
  expect(result).toMatchObject({ missing: [], doubled: [] });
});
