// The number of unsettled events is limited. Beyond the limit, new events are refused, counted and rarely reported.
import { describe, expect, test, vi } from 'vitest';
import { flushed, upTo, withApi } from '../helpers/with-api.js';

const { advance, countLong } = await vi.hoisted(() => import('../helpers/long-timers.js'));

const bench = withApi();

type Client = ReturnType<typeof bench.open>;

function track(analytics: Client, index = 0, filler = ''): boolean {
  return analytics.track({ userId: 'u', event: 'e', properties: { index, filler } });
}

async function indices(): Promise<unknown[]> {
  return (await bench.api.events()).map(({ properties }) => properties?.['index']);
}

/** Makes the API slow, so that nothing is delivered while a test fills a queue. */
async function answerLate(): Promise<void> {
  await bench.api.behave({ type: 'ok', delayMs: 2_000 });
}

describe('maxQueueSize', () => {
  test.each([1, 5, 100])('of %d: below, at and above it', async (maxQueueSize) => {
    // A hundred events are a full batch, which doesn't wait for the flush.
    await bench.api.script([{ type: 'ok', delayMs: 1_000 }]);
    const analytics = bench.open({ maxQueueSize });
    for (const index of upTo(maxQueueSize)) {
      expect(analytics.stats().pending).toBe(index);
      expect(track(analytics, index)).toBe(true);
    }
    for (const index of upTo(3)) expect(track(analytics, 1_000 + index)).toBe(false);
    expect(analytics.stats()).toMatchObject({
      accepted: maxQueueSize,
      pending: maxQueueSize,
      refused: { queue_full: 3 },
      dropped: {},
    });
    flushed(analytics);
    expect(await indices()).toEqual(upTo(maxQueueSize));
    expect(track(analytics, maxQueueSize)).toBe(true);
    flushed(analytics);
    expect(await indices()).toEqual(upTo(maxQueueSize + 1));
  });

  test('includes events in a request that is in flight', async () => {
    await bench.api.behave({ type: 'hang' });
    const analytics = bench.open({ maxQueueSize: 3 });
    expect([1, 2, 3].map((index) => track(analytics, index))).toEqual([true, true, true]);
    await bench.api.waitFor({ requests: 1, timeoutMs: 20_000 });
    expect((await bench.api.requests())[0]?.eventCount).toBe(3);
    expect(track(analytics, 4)).toBe(false);
  });

  test('has room again when events are delivered, even during the code that filled it', () => {
    const analytics = bench.open({ maxQueueSize: 5 });
    let refused = 0;
    for (const index of upTo(20)) {
      const end = performance.now() + 5_000;
      for (; !track(analytics, index) && performance.now() < end; refused++) {
        // Within one turn of the event loop.
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
      }
    }
    expect(refused).toBeGreaterThan(0);
    expect(analytics.stats().accepted).toBe(20);
    flushed(analytics);
    expect(analytics.stats()).toMatchObject({ delivered: 20, refused: { queue_full: refused } });
  });

  test('includes events that wait for a retry', async () => {
    await bench.api.behave({ type: 'answer', status: 503, headers: { 'retry-after': '60' } });
    const analytics = bench.open({ maxQueueSize: 2 });
    expect([1, 2].map((index) => track(analytics, index))).toEqual([true, true]);
    await bench.api.waitFor({ requests: 1, timeoutMs: 20_000 });
    expect(track(analytics, 3)).toBe(false);
    expect(analytics.stats()).toMatchObject({ accepted: 2, pending: 2, refused: { queue_full: 1 } });
  });

  test('has room again when events fail', async () => {
    await bench.api.behave({ type: 'answer', status: 403 });
    const analytics = bench.open({ maxQueueSize: 2 });
    for (const round of upTo(3)) {
      expect([track(analytics), track(analytics), track(analytics)]).toEqual([true, true, false]);
      flushed(analytics);
      expect(analytics.stats()).toMatchObject({ failed: 2 * (round + 1), pending: 0 });
    }
  });

  test('applies to each client separately', () => {
    const [small, large] = [bench.open({ maxQueueSize: 1 }), bench.open({ maxQueueSize: 2 })];
    expect([track(small), track(small), track(large), track(large), track(large)]).toEqual([
      true,
      false,
      true,
      true,
      false,
    ]);
  });

  test('does not hide a mistake of the caller', () => {
    const analytics = bench.open({ maxQueueSize: 1, stub: true });
    track(analytics);
    expect(() => Reflect.apply(analytics.track, analytics, [{ userId: 'u' }])).toThrow(
      'track(): event must be',
    );
    expect(analytics.stats().refused).toEqual({});
  });
});

describe('maxQueueBytes', () => {
  test('refuses events if no memory is left, and accepts them again when there is', async () => {
    // Memory is allocated in slabs of 64 KB. An event of 40,000 bytes leaves no room for a second one.
    const filler = 'x'.repeat(40_000);
    // An event this large is refused at the call unless it may be redacted.
    const redact = ['properties.secret'];
    const analytics = bench.open({ maxQueueBytes: 3 * 64 * 1024, stub: true, redact });
    expect(upTo(5).map((index) => track(analytics, index, filler))).toEqual([true, true, true, false, false]);
    expect(analytics.stats()).toMatchObject({ pending: 3, refused: { queue_full: 2 } });
    expect(bench.errors.map(({ code, message }) => [code, message])).toEqual([
      ['queue_full', 'The queue is full: maxQueueBytes (196608) is reached'],
    ]);
    // A small event still fits in after the last one.
    expect(track(analytics)).toBe(true);
    flushed(analytics);
    expect(upTo(4).map((index) => track(analytics, index, filler))).toEqual([true, true, true, false]);
  });

  test('limits the number of small events: below, at and above it', async () => {
    await answerLate();
    const analytics = bench.open({ maxQueueBytes: 128 * 1024, maxQueueSize: 1_000_000, maxBatchSize: 2_500 });
    let accepted = 0;
    while (track(analytics, accepted)) accepted += 1;
    // About 80 bytes each, without `type`, `messageId`, `timestamp` and `library`.
    expect(accepted).toBeGreaterThan(1_300);
    expect(accepted).toBeLessThan(2_000);
    expect(analytics.stats()).toMatchObject({ accepted, pending: accepted, refused: { queue_full: 1 } });
    flushed(analytics);
    expect(analytics.stats()).toMatchObject({ delivered: accepted, pending: 0 });
  });

  test('refuses an event that is larger than the limit', () => {
    const redact = ['properties.secret'];
    const analytics = bench.open({ maxQueueBytes: 128 * 1024, stub: true, redact });
    expect(track(analytics, 0, 'x'.repeat(200_000))).toBe(false);
    expect(track(analytics, 1, 'x'.repeat(100_000))).toBe(true);
  });

  test('keeps the memory of a process constant over any number of events', () => {
    const analytics = bench.open({ maxQueueBytes: 256 * 1024, stub: true });
    const filler = 'x'.repeat(1_000);
    const round = (): void => {
      while (track(analytics, 0, filler));
      flushed(analytics);
    };
    for (const _ of upTo(10)) round();
    const before = process.memoryUsage().arrayBuffers;
    for (const _ of upTo(100)) round();
    // A hundred rounds of 256 KB would take 25 MB if no memory were reused.
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(8 * 1024 * 1024);
  });
});

describe('the report of refusals', () => {
  /** Code and count of all reports so far. */
  function reports(): [string, number][] {
    return bench.errors.map(({ code, count }) => [code, count]);
  }

  function full(settings = {}): Client {
    const analytics = bench.open({ maxQueueSize: 2, ...settings });
    expect([track(analytics, 0), track(analytics, 1)]).toEqual([true, true]);
    return analytics;
  }

  test('is made at once for the first one, with the event, and then once a minute with their number', async () => {
    await bench.api.behave({ type: 'hang' });
    const analytics = full();
    expect(track(analytics, 2)).toBe(false);
    expect(reports()).toEqual([['queue_full', 1]]);
    expect(bench.errors[0]?.message).toBe('The queue is full: maxQueueSize (2) is reached');
    expect(bench.errors[0]?.events).toEqual([
      { type: 'track', userId: 'u', event: 'e', properties: { index: 2, filler: '' } },
    ]);
    for (const index of upTo(10_000)) expect(track(analytics, index)).toBe(false);
    advance(59_999);
    expect(reports()).toEqual([['queue_full', 1]]);
    advance(1);
    expect(reports()).toEqual([
      ['queue_full', 1],
      ['queue_full', 10_000],
    ]);
    expect(track(analytics)).toBe(false);
    advance(59_999);
    expect(reports()).toHaveLength(2);
    advance(1);
    expect(reports().at(-1)).toEqual(['queue_full', 1]);
    expect(analytics.stats().refused).toEqual({ queue_full: 10_002 });
  });

  test('stops when nothing is refused any more, and restarts with the next refusal', () => {
    const analytics = full({ stub: true });
    track(analytics);
    advance(600_000);
    expect(reports()).toEqual([['queue_full', 1]]);
    expect(countLong()).toBeLessThanOrEqual(1);
    track(analytics);
    expect(reports()).toEqual([
      ['queue_full', 1],
      ['queue_full', 1],
    ]);
  });

  test('is completed by close()', async () => {
    const analytics = full({ stub: true });
    for (const index of upTo(8)) track(analytics, index);
    flushed(analytics);
    await analytics.close();
    expect(reports()).toEqual([
      ['queue_full', 1],
      ['queue_full', 7],
    ]);
    expect(bench.errors[1]?.message).toBe('7 more events were refused');
  });

  test('is separate for each client', () => {
    const [one, other] = [full({ stub: true }), full({ stub: true })];
    track(one);
    track(other);
    track(other);
    expect(reports()).toEqual([
      ['queue_full', 1],
      ['queue_full', 1],
    ]);
    advance(60_000);
    expect(reports()).toHaveLength(3);
  });

  test('is also made once a minute after close(), and its timer does not keep the process alive', async () => {
    const analytics = full({ stub: true });
    flushed(analytics);
    await analytics.close();
    for (const index of upTo(5)) expect(track(analytics, index)).toBe(false);
    expect(reports()).toEqual([['closed', 1]]);
    expect(analytics.stats().refused).toEqual({ closed: 5 });
    advance(60_000);
    expect(reports()).toEqual([
      ['closed', 1],
      ['closed', 4],
    ]);
  });
});
