// A worker thread that cannot be started costs its events, with one clear error, and the host nothing.
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startTrackingApi, type TrackingApi } from '@offthread/devtools';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Copy, copyPackages } from './helpers/copy.js';
import { type ProgramOptions, permissionFlag, runProgram } from './helpers/program.js';

const EXTERNAL = /Where a bundler is in use, leave @offthread\/sdk, @offthread\/worker and piscina external/;

interface Case {
  readonly damage?: (copy: Copy) => void;
  readonly options?: ProgramOptions;
  readonly reason: RegExp;
  readonly remedy: RegExp;
  /** Whether it can be seen at once, also by a thread that blocks. */
  readonly atOnce: boolean;
}

const CASES: Record<string, Case> = {
  'whose file is missing': {
    damage: (copy) => rmSync(join(copy.folder('worker'), 'dist', 'entry.cjs')),
    reason: /Cannot find module/,
    remedy: EXTERNAL,
    atOnce: true,
  },
  'without piscina': {
    damage: (copy) => rmSync(copy.dependency('piscina')),
    reason: /Cannot find module 'piscina'/,
    remedy: EXTERNAL,
    atOnce: true,
  },
  'without --allow-worker': {
    options: { flags: [permissionFlag, '--allow-fs-read=*'] },
    reason: /Access to this API has been restricted/,
    remedy: /Under Node's permission model start it with --allow-worker/,
    atOnce: true,
  },
  'without got': {
    damage: (copy) => rmSync(copy.dependency('got')),
    reason: /Cannot find package 'got'/,
    remedy: EXTERNAL,
    atOnce: false,
  },
  'that throws while it loads': {
    damage: (copy) =>
      writeFileSync(join(copy.folder('worker'), 'dist', 'index.js'), "throw new Error('broken on purpose')"),
    reason: /broken on purpose/,
    remedy: EXTERNAL,
    atOnce: false,
  },
  'that ends while it loads': {
    damage: (copy) => writeFileSync(join(copy.folder('worker'), 'dist', 'index.js'), 'process.exit(0)'),
    reason: /it ended before it was up/,
    remedy: EXTERNAL,
    atOnce: false,
  },
};

let api: TrackingApi;
beforeAll(async () => {
  api = await startTrackingApi();
}, 60_000);
afterAll(() => api.close());

describe.each(Object.entries(CASES))('a worker %s', (_, { damage, options, reason, remedy, atOnce }) => {
  test.concurrent.each(['blocking', 'asynchronous'])(
    'is reported once, by a %s flush, and later events are refused',
    async (how) => {
      using copy = copyPackages();
      damage?.(copy);
      const ended = await runProgram('unavailable.mjs', { ...options, args: [copy.url, api.url, how] });

      const [taken, ...rest] = ended.lines.filter((line) => !('error' in line));
      const [dropped, refused, ...others] = ended.lines.filter((line) => 'error' in line);
      expect(taken).toEqual({ taken: [true, true] });
      expect(rest).toEqual([
        how === 'blocking' && !atOnce
          ? { status: 'timeout', pending: 2 }
          : { status: 'worker-dead', pending: 0 },
        { taken: [false, false] },
        {
          accepted: 2,
          delivered: 0,
          failed: 0,
          dropped: { worker_unavailable: 2 },
          refused: { worker_unavailable: 2 },
        },
        { closed: 'ok' },
      ]);
      expect(dropped).toMatchObject({ error: 'worker_unavailable', ids: ['a', 'b'], count: 2 });
      expect(dropped?.['message']).toMatch(/^The worker thread cannot be started: /);
      expect(dropped?.['message']).toMatch(reason);
      expect(dropped?.['message']).toMatch(remedy);
      expect(refused).toMatchObject({ error: 'worker_unavailable', ids: ['c'], count: 1 });
      // The other refused event is counted, and told when the client is closed.
      expect(others).toMatchObject([{ error: 'worker_unavailable', count: 1 }]);
      expect(ended).toMatchObject({ code: 3, signal: null, stderr: '' });
    },
  );
});

// Node 20 aborts where a thread is terminated meanwhile, and that is how many a short program ends.
test('a worker loads no ES module by require()', async () => {
  const ended = await runProgram('loading.mjs', { args: [api.url] });
  expect(ended).toMatchObject({ code: 0, stderr: '', lines: [{ status: 'ok' }] });
});
