// Several copies of the package in one process, as dependencies of different libraries. Copies of one version share a
// worker thread, and all copies share one exit hook.
import { startTrackingApi, type TrackingApi } from '@offthread/devtools';
import { version } from '@offthread/sdk';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { copyPackage } from '../helpers/copy.js';
import { type Ended, runProgram } from '../helpers/program.js';

/** For tests with real processes on a busy machine. */
const LIMIT = { timeout: 60_000 };

let api: TrackingApi;
beforeAll(async () => {
  api = await startTrackingApi();
}, 60_000);
afterAll(() => api.close());

const START = [
  { taken: true, flushed: 'ok' },
  { taken: true, flushed: 'ok' },
  { different: true, workers: 1, moreExitHooks: 0, signalHandlers: 1 },
];

// The last event is from the second copy and is left to the exit hook of the first one.
const END = [{ closed: 'ok' }, { taken: [false, true] }];

test('two copies share a worker thread, an exit hook and a handler for a signal', LIMIT, async () => {
  using first = copyPackage();
  using second = copyPackage();
  const ended = await runProgram('two-copies.mjs', { args: [first.url, second.url, api.url, 'life'] });
  expect(ended).toMatchObject({ code: 3, stderr: '' });
  expect(ended.lines.filter((line) => !('error' in line))).toEqual([...START, ...END]);
  expect((await api.messageIds()).filter((id) => id.startsWith('life-'))).toEqual([
    'life-1',
    'life-2',
    'life-4',
  ]);
});

test('two copies survive the death of their worker', LIMIT, async () => {
  using first = copyPackage();
  using second = copyPackage();
  const ended = await runProgram('two-copies.mjs', {
    args: [first.url, second.url, api.url, 'death'],
    env: { DEATH: JSON.stringify({ manner: 'exit', when: 'message' }) },
  });
  expect(ended).toMatchObject({ code: 3, stderr: '' });
  expect(ended.lines.filter((line) => !('error' in line))).toEqual([
    ...START,
    { taken: [true, true] },
    { flushed: ['ok', 'ok'], workers: 2 },
    ...END,
  ]);
  const ids = (await api.messageIds()).filter((id) => id.startsWith('death-'));
  expect([...new Set(ids)].sort()).toEqual(['death-1', 'death-2', 'death-3', 'death-4', 'death-6']);
});

test('a copy gets the reason why the other could not start the worker', LIMIT, async () => {
  using first = copyPackage();
  using second = copyPackage();
  const ended = await runProgram('two-copies.mjs', {
    args: [first.url, second.url, api.url, 'none'],
    env: { REFUSAL: 'No more threads' },
  });
  const messages = ended.lines.flatMap((line) =>
    line['error'] === 'worker_unavailable' ? [line['message']] : [],
  );
  expect(ended).toMatchObject({ code: 3, stderr: '' });
  expect(new Set(messages).size).toBe(1);
  expect(messages[0]).toMatch(/^The worker thread cannot be started: No more threads/);
});

describe('two versions', () => {
  const OTHER = '99.0.0';
  const APART = [...START.slice(0, 2), { different: true, workers: 2, moreExitHooks: 0, signalHandlers: 1 }];

  /** What a program with this version of the package and another one does. */
  async function runTwo(how: string, env: Record<string, string> = {}): Promise<Ended> {
    using first = copyPackage();
    using second = copyPackage({ version: OTHER });
    return await runProgram('two-copies.mjs', { args: [first.url, second.url, api.url, how], env });
  }

  test('have their own worker threads, and share an exit hook and a signal handler', LIMIT, async () => {
    const ended = await runTwo('versions');
    expect(ended).toMatchObject({ code: 3, stderr: '' });
    expect(ended.lines.filter((line) => !('error' in line))).toEqual([...APART, ...END]);
    const events = (await api.events()).filter(({ messageId }) => messageId?.startsWith('versions-'));
    expect(events.map(({ messageId, context }) => [messageId, Object(context).library.version])).toEqual([
      ['versions-1', version],
      ['versions-2', OTHER],
      ['versions-4', OTHER],
    ]);
  });

  test('are both flushed on a signal, which then ends the process', LIMIT, async () => {
    const ended = await runTwo('signal');
    expect(ended).toMatchObject({ signal: 'SIGTERM', stderr: '' });
    const ids = (await api.messageIds()).filter((id) => id.startsWith('signal-'));
    expect(ids.sort()).toEqual(['signal-1', 'signal-2', 'signal-3', 'signal-4']);
  });

  test("are not affected by the death of the other's worker", LIMIT, async () => {
    const ended = await runTwo('death', { DEATH: JSON.stringify({ manner: 'exit', when: 'message' }) });
    expect(ended).toMatchObject({ code: 3, stderr: '' });
    expect(ended.lines.filter((line) => !('error' in line))).toEqual([
      ...APART,
      { taken: [true, true] },
      { flushed: ['ok', 'ok'], workers: 3 },
      ...END,
    ]);
  });
});

test.each(['blocking', 'asynchronous'])(
  'a worker thread with another version than the SDK is not used, and a flush reports it (%s)',
  LIMIT,
  async (how) => {
    using copy = copyPackage({ workerVersion: '99.0.0' });
    const ended = await runProgram('unavailable.mjs', { args: [api.url, how], env: { SDK: copy.url } });
    expect(ended).toMatchObject({ code: 3, stderr: '' });
    const messages = ended.lines.flatMap((line) =>
      line['error'] === 'worker_unavailable' ? [line['message']] : [],
    );
    expect(messages[0]).toBe(
      `The worker thread cannot be started: its program has version 99.0.0, but the SDK has version ${version}.`,
    );
    expect(ended.lines.filter((line) => 'status' in line)).toEqual([{ status: 'worker-dead', pending: 0 }]);
  },
);
