// Clients in worker threads of the host: their accepted events are delivered when the main thread ends.
import { startTrackingApi, type TrackingApi } from '@offthread/devtools';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Ended, runProgram } from '../helpers/program.js';

/** For tests with real processes on a busy machine. */
const LIMIT = { timeout: 60_000 };

/** Longer than anything takes if the API replies. */
const LONG_MS = 30_000;

/** Much less than `LONG_MS`: nothing has waited. */
const LINGER_MS = 10_000;

let api: TrackingApi;
let slow: TrackingApi;
let hanging: TrackingApi;

beforeAll(async () => {
  [api, slow, hanging] = await Promise.all([
    startTrackingApi({ latencyMs: 20 }),
    startTrackingApi({ latencyMs: 1_500 }),
    startTrackingApi(),
  ]);
  await hanging.behave({ type: 'hang' });
}, 60_000);

afterAll(async () => {
  await Promise.all([api?.close(), slow?.close(), hanging?.close()]);
});

let made = 0;

interface Plan {
  readonly ending?: 'exit' | 'throw' | 'signal';
  readonly threads?: number;
  readonly events?: number;
  readonly thread?: 'idle' | 'flushed' | 'terminated' | 'blocked' | 'busy';
  readonly depth?: number;
  readonly load?: boolean;
  readonly settings?: object;
}

/** Runs the plan. Returns how it ended, and how many distinct events arrived. */
async function run(at: TrackingApi, plan: Plan): Promise<Ended & { arrived: number; lingeredMs: number }> {
  const name = `host-${++made}`;
  const settings = { flushTimeout: LONG_MS, ...plan.settings };
  const ended = await runProgram('host-threads.mjs', {
    args: [JSON.stringify({ ending: 'exit', ...plan, settings, host: at.url, name })],
  });
  const ids = new Set((await at.messageIds()).filter((id) => id.startsWith(`${name}-`)));
  return { ...ended, arrived: ids.size, lingeredMs: Number(ended.lines.at(-1)?.['lingeredMs']) };
}

describe('clients in worker threads of the host', () => {
  test.concurrent.each([
    ['exit', { code: 7, signal: null, stderr: '' }],
    ['throw', { code: 1, signal: null, stderr: expect.stringContaining('thrown on purpose') }],
    ['signal', { code: null, signal: 'SIGTERM', stderr: '' }],
  ] as const)(
    'lose nothing when the main thread ends by %s, which keeps its exit status',
    LIMIT,
    async (ending, expected) => {
      const ended = await run(api, { ending, threads: 8, events: 300 });
      expect(ended).toMatchObject({ ...expected, arrived: 2_400 });
    },
  );

  test.concurrent('in a thread of a thread lose nothing either', LIMIT, async () => {
    const ended = await run(api, { threads: 2, events: 300, depth: 2 });
    expect(ended).toMatchObject({ code: 7, stderr: '', arrived: 600 });
  });

  test.concurrent('are waited for no longer than their flushTimeout', LIMIT, async () => {
    const ended = await run(hanging, { threads: 2, events: 3, settings: { flushTimeout: 700 } });
    expect(ended).toMatchObject({ code: 7, stderr: '' });
    expect(ended.lingeredMs).toBeGreaterThan(500);
    expect(ended.lingeredMs).toBeLessThan(LINGER_MS);
  });

  test.concurrent.each([
    ['has nothing pending', { thread: 'flushed' }],
    ['was terminated with events pending', { thread: 'terminated' }],
    ['has flushOnExit off', { settings: { flushOnExit: false } }],
  ] as const)('do not delay the end if the thread %s', LIMIT, async (_, plan) => {
    const at = 'thread' in plan && plan.thread === 'flushed' ? api : hanging;
    const ended = await run(at, plan);
    expect(ended).toMatchObject({ code: 7, stderr: '' });
    expect(ended.lingeredMs).toBeLessThan(LINGER_MS);
  });

  test.concurrent('in a blocked thread are delivered, without waiting for the thread', LIMIT, async () => {
    const ended = await run(slow, { thread: 'blocked', events: 100, settings: { batchSize: 50 } });
    expect(ended).toMatchObject({ code: 7, stderr: '', arrived: 101 });
    expect(ended.lingeredMs).toBeLessThan(LINGER_MS);
  });

  test.concurrent('that keep tracking do not keep the process alive', LIMIT, async () => {
    const ended = await run(api, { thread: 'busy', events: 300 });
    expect(ended).toMatchObject({ code: 7, stderr: '' });
    expect(ended.arrived).toBeGreaterThanOrEqual(300);
    expect(ended.lingeredMs).toBeLessThan(LINGER_MS);
  });

  test.concurrent(
    'do not change how the process ends if the main thread never loaded the SDK',
    LIMIT,
    async () => {
      const ended = await run(hanging, { load: false });
      expect(ended).toMatchObject({ code: 7, stderr: '' });
      expect(ended.lingeredMs).toBeLessThan(LINGER_MS);
    },
  );
});
