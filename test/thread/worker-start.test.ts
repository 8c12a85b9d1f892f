// If the worker thread can't be started, its events are lost with one clear error, and the host is unaffected.
import { startTrackingApi, type TrackingApi } from '@offthread/devtools';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Line, type ProgramOptions, permissionFlag, runProgram } from '../helpers/program.js';

interface Case {
  readonly options: ProgramOptions;
  /** The message after the colon, including the remedy. */
  readonly reason: RegExp;
}

const CASES: Record<string, Case> = {
  'that cannot be made at all': {
    options: { env: { REFUSAL: 'No threads on this platform' } },
    reason: /^No threads on this platform\.$/,
  },
  'without --allow-worker': {
    options: { flags: [permissionFlag, '--allow-fs-read=*'] },
    reason:
      /^Access to this API has been restricted.*Under Node's permission model, start it with --allow-worker\.$/,
  },
  'that throws while it loads': {
    options: { env: { DAMAGE: "throw new Error('broken on purpose');" } },
    reason: /^broken on purpose\.$/,
  },
  'that ends while it loads': {
    options: { env: { DAMAGE: 'process.exit(0);' } },
    reason: /^it ended before it was ready\.$/,
  },
};

/** For tests with real processes on a busy machine. */
const LIMIT = { timeout: 60_000 };

let api: TrackingApi;
beforeAll(async () => {
  api = await startTrackingApi();
}, 60_000);
afterAll(() => api.close());

describe.each(Object.entries(CASES))('a worker %s', (_, { options, reason }) => {
  test.concurrent.each(['blocking', 'asynchronous'])(
    'is reported once, by a %s flush, and later events are refused',
    LIMIT,
    async (how) => {
      const ended = await runProgram('unavailable.mjs', { ...options, args: [api.url, how] });

      const [taken, ...rest] = ended.lines.filter((line) => !('error' in line));
      // Loading is tried three times, and the first failure says so.
      const isTold = ({ error }: (typeof ended.lines)[number]): boolean => error !== 'worker_delayed';
      const [dropped, refused, ...others] = ended.lines.filter((line) => 'error' in line).filter(isTold);
      expect(taken).toEqual({ taken: [true, true] });
      expect(rest).toEqual([
        { status: 'worker-dead', pending: 0 },
        { taken: [false, false] },
        {
          accepted: 2,
          delivered: 0,
          failed: 0,
          dropped: { worker_unavailable: 2 },
          refused: { worker_unavailable: 2 },
        },
        { flushed: 'worker-dead', closed: 'worker-dead' },
      ]);
      expect(dropped).toMatchObject({ error: 'worker_unavailable', ids: ['a', 'b'], count: 2 });
      const [, said] = /^The worker thread cannot be started: (.*)$/.exec(`${dropped?.['message']}`) ?? [];
      expect(said).toMatch(reason);
      expect(refused).toMatchObject({ error: 'worker_unavailable', ids: ['c'], count: 1 });
      // The other refused event is counted, and reported when the client is closed.
      expect(others).toMatchObject([{ error: 'worker_unavailable', count: 1 }]);
      expect(ended).toMatchObject({ code: 3, signal: null, stderr: '' });
    },
  );
});

// Node.js 20 aborts if a thread is terminated while it does that, which is how many short programs end.
test('a worker loads no ES module by require()', async () => {
  const ended = await runProgram('loading.mjs', { args: [api.url] });
  expect(ended).toMatchObject({ code: 0, stderr: '', lines: [{ status: 'ok' }] });
});

describe('a worker for which the system has no file descriptor', () => {
  /** Runs it with a low limit and returns what it printed. */
  async function short(how: string): Promise<readonly Line[]> {
    const ended = await runProgram('short-of-files.mjs', { args: [api.url, how], maxFiles: 64 });
    expect(ended).toMatchObject({ code: 0, signal: null, stderr: '' });
    return ended.lines;
  }

  test.concurrent('is started again, and no event is lost', LIMIT, async () => {
    const lines = await short('asynchronous');
    expect(lines).toMatchObject([
      { start: 0 },
      { error: 'worker_delayed', count: 0, message: expect.stringMatching(/EMFILE.*tried again/) },
      { status: 'ok' },
      { stats: { accepted: 1, delivered: 1, dropped: {}, refused: {} } },
    ]);
  });

  test.concurrent('is started again during a blocking flush', LIMIT, async () => {
    const lines = await short('blocking');
    expect(lines).toMatchObject([
      { start: 0 },
      { first: 'timeout' },
      { error: 'worker_delayed', count: 0 },
      { status: 'ok' },
      { stats: { accepted: 1, delivered: 1, dropped: {} } },
    ]);
  });
});

test('a worker that cannot be started is a process warning without onError', async () => {
  const args = [api.url, 'silent'];
  const ended = await runProgram('unavailable.mjs', {
    args,
    env: { REFUSAL: 'No threads on this platform' },
  });
  expect(ended.stderr.match(/OFFTHREAD_WORKER_UNAVAILABLE/g)).toHaveLength(1);
  expect(ended.stderr).toContain('No threads on this platform');
});
