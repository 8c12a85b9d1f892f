// A worker thread that cannot be started costs its events, with one clear error, and the host nothing.
import { startTrackingApi, type TrackingApi } from '@offthread/devtools';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ProgramOptions, permissionFlag, runProgram } from './helpers/program.js';

interface Case {
  readonly options: ProgramOptions;
  /** What the message says behind the colon, remedy and all. */
  readonly reason: RegExp;
  /** Whether it can be seen at once, also by a thread that blocks. */
  readonly atOnce: boolean;
}

const CASES: Record<string, Case> = {
  'that the system refuses': {
    options: { env: { REFUSAL: 'Worker initialization failure: EAGAIN' } },
    reason: /^Worker initialization failure: EAGAIN\.$/,
    atOnce: true,
  },
  'without --allow-worker': {
    options: { flags: [permissionFlag, '--allow-fs-read=*'] },
    reason:
      /^Access to this API has been restricted.*Under Node's permission model, start it with --allow-worker\.$/,
    atOnce: true,
  },
  'that throws while it loads': {
    options: { env: { DAMAGE: "throw new Error('broken on purpose');" } },
    reason: /^broken on purpose\.$/,
    atOnce: false,
  },
  'that ends while it loads': {
    options: { env: { DAMAGE: 'process.exit(0);' } },
    reason: /^it ended before it was up\.$/,
    atOnce: false,
  },
};

let api: TrackingApi;
beforeAll(async () => {
  api = await startTrackingApi();
}, 60_000);
afterAll(() => api.close());

describe.each(Object.entries(CASES))('a worker %s', (_, { options, reason, atOnce }) => {
  test.concurrent.each(['blocking', 'asynchronous'])(
    'is reported once, by a %s flush, and later events are refused',
    async (how) => {
      const ended = await runProgram('unavailable.mjs', { ...options, args: [api.url, how] });

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
      const [, said] = /^The worker thread cannot be started: (.*)$/.exec(`${dropped?.['message']}`) ?? [];
      expect(said).toMatch(reason);
      expect(refused).toMatchObject({ error: 'worker_unavailable', ids: ['c'], count: 1 });
      // The other refused event is counted, and told when the client is closed.
      expect(others).toMatchObject([{ error: 'worker_unavailable', count: 1 }]);
      expect(ended).toMatchObject({ code: 3, signal: null, stderr: '' });
    },
  );
});

// Node 20 aborts if a thread is terminated meanwhile, and that is how many a short program ends.
test('a worker loads no ES module by require()', async () => {
  const ended = await runProgram('loading.mjs', { args: [api.url] });
  expect(ended).toMatchObject({ code: 0, stderr: '', lines: [{ status: 'ok' }] });
});
