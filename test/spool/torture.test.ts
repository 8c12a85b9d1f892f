// npm run torture, without the set-up and shorter: servers with a spool are killed under load, again and again.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, test, vi } from 'vitest';

const torture = fileURLToPath(new URL('../torture/torture.js', import.meta.url));

// A server is started for each kill, on whatever this machine has left beside other tests.
vi.setConfig({ testTimeout: 180_000 });

interface Result {
  readonly answered: number;
  readonly missing: readonly string[];
  readonly missingRisky: number;
  readonly doubled: readonly string[];
}

/** Runs one part of it. */
function run(part: string, ...options: string[]): Promise<Result> {
  const args = [torture, '--json', '--only', part, ...options];
  return new Promise((resolve, reject) => {
    execFile(process.execPath, args, { timeout: 170_000 }, (_, stdout, stderr) => {
      if (stdout === '') reject(new Error(stderr));
      else resolve(JSON.parse(stdout)[part]);
    });
  });
}

// Two at a time. Most of the time, they wait for the next kill.
describe.concurrent('Whatever the moment of the kill', () => {
  test.sequential('with strict, all orders answered after track() arrive', async () => {
    const result = await run('strict', '--kills', '20', '--seed', '4');
    expect(result).toMatchObject({ missing: [], missingRisky: 0, doubled: [] });
    expect(result.answered).toBeGreaterThan(20);
  });

  test.sequential('they also do if the API is down until the last process', async () => {
    const result = await run('strict', '--kills', '10', '--seed', '5', '--outage');
    expect(result).toMatchObject({ missing: [], missingRisky: 0, doubled: [] });
  });

  test.sequential('all orders answered after stored() arrive', async () => {
    const result = await run('stored', '--kills', '10', '--seed', '1');
    expect(result).toMatchObject({ missing: [], missingRisky: 0, doubled: [] });
    expect(result.answered).toBeGreaterThan(10);
  });
});

describe.concurrent('Without strict', () => {
  // 50 ms on a machine of its own. Here a thread may have to wait for its turn for much longer.
  const window = ['--window', '2000'];

  test.sequential('orders answered after track() arrive, except for those of the last moment', async () => {
    const result = await run('default', '--kills', '5', '--seed', '2', '--most', '4000', ...window);
    expect(result).toMatchObject({ missing: [], doubled: [] });
    expect(result.answered).toBeGreaterThan(20);
  });

  test.sequential('they also do if the API is down until the last process', async () => {
    const result = await run(
      'default',
      '--kills',
      '5',
      '--seed',
      '3',
      '--most',
      '4000',
      '--outage',
      ...window,
    );
    expect(result).toMatchObject({ missing: [], doubled: [] });
  });
});
