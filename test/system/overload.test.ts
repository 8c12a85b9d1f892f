// More events than can be delivered: memory is limited, the counters are right, and clock changes don't affect waits.
import { MessageChannel } from 'node:worker_threads';
import type { Stats } from '@offthread/sdk';
import { start } from '@offthread/worker';
import {
  CONTROL_BYTES,
  COUNTER,
  FRAME,
  FRAME_HEADER_BYTES,
  HEALTH_BYTES,
  KIND,
  SLAB_HEADER_BYTES,
  type ToMain,
  type ToWorker,
} from '@offthread/worker/protocol';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { runFixture } from '../helpers/fixture.js';
import { Trial } from '../helpers/trial.js';
import { withApi } from '../helpers/with-api.js';

const { advance } = await vi.hoisted(() => import('../helpers/long-timers.js'));

const bench = withApi();

beforeEach(() => bench.api.start());
afterEach(() => {
  vi.useRealTimers();
});

const MB = 1024 * 1024;
const BUDGET_MS = 20_000;

describe('the queue', () => {
  test('accepts maxQueueSize events, wherever they wait, and as many again as have been settled', async () => {
    await using trial = new Trial({ host: bench.api.url, maxQueueSize: 500, requestTimeout: 60_000 });
    await bench.api.behave({ type: 'hang' });
    trial.track(300);
    // By now the worker has them and is behind. They still count.
    await bench.api.waitFor({ requests: 1 });
    trial.track(200);
    for (let n = 0; n < 100; n++) expect(trial.try(`over-${n}`)).toBe(false);
    expect(trial.analytics.stats()).toMatchObject({
      accepted: 500,
      pending: 500,
      refused: { queue_full: 100 },
    });
    // The request is let go, and made again.
    await bench.api.reset();
    expect(await trial.flushAsync(BUDGET_MS)).toMatchObject({ status: 'ok', pending: 0 });
    expect(trial.analytics.stats().delivered).toBe(500);
    await bench.api.script([{ type: 'ok', delayMs: 1_500 }]);
    trial.track(500);
    expect(trial.try('over-100')).toBe(false);
    expect(await trial.flushAsync(BUDGET_MS)).toMatchObject({ status: 'ok', pending: 0 });
    expect(trial.analytics.stats().delivered).toBe(1_000);
    await trial.balance(bench.api);
  });

  test('accepts maxQueueSize events while the API is down, and delivers them when it is up', async () => {
    await bench.api.stop();
    await using trial = new Trial({ host: bench.api.url, maxQueueSize: 1_000, maxRetries: 100 });
    trial.track(1_000);
    for (let n = 0; n < 4_000; n++) expect(trial.try(`over-${n}`)).toBe(false);
    expect(trial.flush(200)).toMatchObject({
      status: 'timeout',
      delivered: 0,
      failed: 0,
      pending: 1_000,
    });
    expect(trial.analytics.stats()).toMatchObject({
      accepted: 1_000,
      pending: 1_000,
      refused: { queue_full: 4_000 },
    });
    await bench.api.start();
    // A retry may have succeeded before the flush, which doesn't count it then.
    expect(await trial.flushAsync(BUDGET_MS)).toMatchObject({ status: 'ok', pending: 0 });
    expect(trial.analytics.stats().delivered).toBe(1_000);
    expect(await bench.api.messageIds()).toEqual(trial.accepted);
    await trial.balance(bench.api);
  });

  test('accepts maxQueueBytes, whatever maxQueueSize is', async () => {
    await bench.api.behave({ type: 'hang' });
    await using trial = new Trial({ host: bench.api.url, maxQueueSize: 100_000, maxQueueBytes: 512 * 1024 });
    const properties = { text: 'ü'.repeat(5_000) };
    let taken = 0;
    while (trial.try(`bytes-${taken}`, 'Large', properties)) taken++;
    // Each has ten thousand bytes, not five thousand.
    expect(taken).toBeLessThanOrEqual((512 * 1024) / 10_000);
    expect(taken).toBeGreaterThan((512 * 1024) / 10_000 / 2);
    expect(trial.analytics.stats()).toMatchObject({
      accepted: taken,
      pending: taken,
      refused: { queue_full: 1 },
    });
    expect(trial.errors).toMatchObject([
      { code: 'queue_full', message: expect.stringContaining('maxQueueBytes') },
    ]);
    await bench.api.reset();
    // The retry may have been made before the flush.
    expect(await trial.flushAsync(BUDGET_MS)).toMatchObject({ status: 'ok', failed: 0 });
    expect(trial.analytics.stats()).toMatchObject({ delivered: taken, pending: 0 });
    trial.track(taken, 'Large', properties);
    expect(await trial.flushAsync(BUDGET_MS)).toMatchObject({ status: 'ok', pending: 0 });
    expect(trial.analytics.stats().delivered).toBe(2 * taken);
    await trial.balance(bench.api);
  });

  test('that is full is reported at once, and then once a minute with the number of events', async () => {
    await bench.api.behave({ type: 'hang' });
    const trial = new Trial({ host: bench.api.url, maxQueueSize: 10 });
    const reports = (): [number, number][] => trial.errors.map(({ count, events }) => [count, events.length]);
    trial.track(10);
    for (let n = 0; n < 101; n++) expect(trial.try(`over-${n}`)).toBe(false);
    expect(reports()).toEqual([[1, 1]]);
    expect(trial.errors[0]).toMatchObject({
      code: 'queue_full',
      events: [{ messageId: 'over-0', type: 'track' }],
    });
    advance(59_000);
    expect(reports()).toHaveLength(1);
    advance(1_001);
    expect(reports()).toEqual([
      [1, 1],
      [100, 0],
    ]);
    trial.try('over-101');
    trial.try('over-102');
    advance(60_001);
    expect(reports()).toEqual([
      [1, 1],
      [100, 0],
      [2, 0],
    ]);
    advance(600_000);
    expect(reports()).toHaveLength(3);
    trial.try('over-103');
    trial.try('over-104');
    expect(reports()).toHaveLength(4);
    await trial.analytics.close(0);
    // Includes what wasn't reported yet, and what is dropped because the client is closed.
    expect(reports()).toHaveLength(6);
    const full = trial.errors.filter(({ code }) => code === 'queue_full');
    expect(full.reduce((sum, { count }) => sum + count, 0)).toBe(105);
    expect(trial.analytics.stats()).toMatchObject({ refused: { queue_full: 105 }, dropped: { closed: 10 } });
    vi.useRealTimers();
    await trial.balance(bench.api);
  });
});

describe('memory', () => {
  // 150 MB of events in all, for an API that is down and for one that reads requests but doesn't reply.
  test.each([
    ['down', 'maxQueueBytes', { maxQueueBytes: 8 * MB, maxQueueSize: 1_000_000 }],
    ['down', 'maxQueueSize', { maxQueueSize: 5_000 }],
    ['hanging', 'maxQueueBytes', { maxQueueBytes: 8 * MB, maxQueueSize: 1_000_000 }],
  ])('is limited while the API is %s: %s', async (state, _bound, settings) => {
    if (state === 'down') await bench.api.stop();
    else await bench.api.behave({ type: 'hang' });
    const options = { host: bench.api.url, events: 150_000, ...settings };
    const { stdout, code } = await runFixture('overload.mjs', [JSON.stringify(options)], {
      execArgv: ['--expose-gc'],
    });
    expect(code).toBe(0);
    const { before, after, refused, stats } = JSON.parse(stdout) as {
      before: number;
      after: number;
      refused: number;
      stats: Stats;
    };
    expect(stats.accepted + refused).toBe(150_000);
    expect(stats).toMatchObject({ delivered: 0, failed: 0, dropped: {}, refused: { queue_full: refused } });
    expect(stats.pending).toBe(stats.accepted);
    expect(stats.accepted).toBeGreaterThan(4_000);
    expect(stats.accepted).toBeLessThan(9_000);
    // The waiting events, and the garbage of two heaps.
    expect((after - before) / MB).toBeLessThan(8 + 60);
  });

  test('and time grow linearly for a thousand clients, which share one worker', async () => {
    // Prevents repeated requests, however busy the machine is.
    const settings = { host: bench.api.url, clients: 1_000, flushTimeout: 60_000, requestTimeout: 60_000 };
    const { code, stdout, stderr } = await runFixture('many-clients.mjs', [JSON.stringify(settings)], {
      timeoutMs: 90_000,
    });
    expect(stderr).toBe('');
    expect(code).toBe(0);
    const { before, after, ...rest } = JSON.parse(stdout) as { before: number; after: number };
    expect(rest).toEqual({ workers: 1, delivered: 2_000, errors: [] });
    // A slab of 64 KB, a port and a connection each, and one worker.
    expect((after - before) / MB).toBeLessThan(250);
    const expected = ['first', 'second', 'last'].flatMap((name) =>
      Array.from({ length: 1_000 }, (_, index) => `${name}-${index}`),
    );
    expect((await bench.api.messageIds()).sort()).toEqual(expected.sort());
    expect(Object.values((await bench.api.counts()).maxConcurrentByWriteKey)).toEqual(Array(1_000).fill(1));
  }, 100_000);
});

describe('a clock that steps back an hour', () => {
  const HOUR_MS = 3_600_000;

  test('does not affect the waits of a client', async () => {
    await using trial = new Trial({ host: bench.api.url });
    await bench.api.script([{ type: 'answer', status: 503, headers: { 'retry-after': '2' } }]);
    vi.useFakeTimers({ toFake: ['Date'] });
    trial.track(3);
    await bench.api.waitFor({ requests: 1 });
    vi.setSystemTime(Date.now() - HOUR_MS);
    expect(await trial.flushAsync(BUDGET_MS)).toMatchObject({ status: 'ok', pending: 0 });
    expect(trial.analytics.stats().delivered).toBe(3);
    await bench.api.behave({ type: 'hang' });
    trial.track(2);
    vi.setSystemTime(Date.now() - HOUR_MS);
    const began = performance.now();
    expect(trial.flush(300)).toMatchObject({ status: 'timeout', pending: 2 });
    expect(await trial.flushAsync(300)).toMatchObject({ status: 'timeout', pending: 2 });
    const took = performance.now() - began;
    expect(took).toBeGreaterThanOrEqual(590);
    expect(took).toBeLessThan(BUDGET_MS);
    await trial.balance(bench.api);
  });

  // Runs the worker's code in this thread, because a test can't change the clock of the worker thread.
  test.each([
    ['a backoff', { type: 'answer', status: 500 }, 0],
    ['a Retry-After in seconds', { type: 'answer', status: 429, headers: { 'retry-after': '1' } }, 1_000],
    [
      'a Retry-After as a date',
      { type: 'answer', status: 429, headers: { 'retry-after': new Date(0).toUTCString() } },
      1_000,
    ],
    ['a request timeout', { type: 'hang' }, 1_500],
  ] as const)('does not affect the waits of the worker: %s', async (_name, behaviour, least) => {
    await bench.api.script([behaviour]);
    const { port1: port, port2 } = new MessageChannel();
    const outcome = new Promise<ToMain>((resolve) => {
      port.on('message', (message: ToMain) => {
        if (message.type === 'delivered') resolve(message);
      });
    });
    vi.useFakeTimers({ toFake: ['Date'] });
    start({ port: port2, health: new SharedArrayBuffer(HEALTH_BYTES), ticks: false, hostThread: undefined });
    const post = (...messages: ToWorker[]): void => port.postMessage(messages);
    const control = new SharedArrayBuffer(CONTROL_BYTES);
    new BigInt64Array(control)[COUNTER.EXPECTED] = 1n;
    post({
      type: 'open',
      client: 7,
      control,
      settled: 0,
      frameDefaults: { idPrefix: 'id-', library: '{}' },
      settings: {
        url: `${bench.api.url}/v1/batch`,
        writeKey: 'KEY',
        userAgent: 'test',
        batchSize: 100,
        maxBatchSize: 100,
        linger: 0,
        maxRetries: 1,
        maxRetryDuration: 60_000,
        requestTimeout: 1_500,
        gzip: false,
        proxy: undefined,
        tls: undefined,
        headers: {},
        stub: false,
      },
    });
    const event = JSON.stringify({ type: 'track', userId: 'u', event: 'E', messageId: 'only' });
    const end = SLAB_HEADER_BYTES + FRAME_HEADER_BYTES + Buffer.byteLength(event);
    const memory = new SharedArrayBuffer(end);
    const bytes = Buffer.from(memory, SLAB_HEADER_BYTES);
    bytes.writeUInt32LE(Buffer.byteLength(event), FRAME.LENGTH);
    bytes.writeUInt32LE(KIND.whole, FRAME.KIND);
    bytes.write(event, FRAME_HEADER_BYTES);
    post({ type: 'slab', client: 7, memory, first: 1, end });
    await bench.api.waitFor({ requests: 1 });
    vi.setSystemTime(Date.now() - HOUR_MS);
    expect(await outcome).toEqual({ client: 7, type: 'delivered', through: 1 });
    post({ type: 'close', client: 7 });
    port.close();
    const [first, second, ...more] = await bench.api.requests();
    expect(more).toEqual([]);
    expect(second?.messageIds).toEqual(['only']);
    expect((second?.receivedMs ?? 0) - (first?.receivedMs ?? 0)).toBeGreaterThanOrEqual(least - 50);
  });
});
