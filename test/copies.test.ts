// Two copies of the package in one process, as two libraries bring them, share one worker thread and one exit hook.
import { startTrackingApi, type TrackingApi } from '@offthread/devtools';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { copyPackage } from './helpers/copy.js';
import { runProgram } from './helpers/program.js';

/** A test of real processes on a busy machine. */
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

// The last event is the second copy's, and left to the exit hook, which is the first one's.
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
    env: { DEATH: JSON.stringify({ manner: 'exit', when: 'told' }) },
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

test('a copy is told why the other could not start the worker', LIMIT, async () => {
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
