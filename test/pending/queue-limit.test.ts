// What is accepted and not settled is bounded; beyond the bound the newest is refused, counted and reported rarely.
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

/** Has the API take its time, so that nothing is delivered while a test fills a queue. */
async function answerLate(): Promise<void> {
  await bench.api.behave({ type: 'ok', delayMs: 2_000 });
}

describe('maxQueueSize', () => {
  test.each([1, 5, 100])('of %d: under, at and over it', async (maxQueueSize) => {
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

  test('counts what a request has taken out of the queue and not brought to its end', async () => {
    await bench.api.behave({ type: 'hang' });
    const analytics = bench.open({ maxQueueSize: 3 });
    expect([1, 2, 3].map((index) => track(analytics, index))).toEqual([true, true, true]);
    await bench.api.waitFor({ requests: 1, timeoutMs: 20_000 });
    expect((await bench.api.requests())[0]?.eventCount).toBe(3);
    expect(track(analytics, 4)).toBe(false);
  });

  test('has room again when events are delivered, also in the middle of the code that filled it', () => {
    const analytics = bench.open({ maxQueueSize: 5 });
    let refused = 0;
    for (const index of upTo(20)) {
      const end = performance.now() + 5_000;
      for (; !track(analytics, index) && performance.now() < end; refused++) {
        // The event loop does not turn.
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
      }
    }
    expect(refused).toBeGreaterThan(0);
    expect(analytics.stats().accepted).toBe(20);
    flushed(analytics);
    expect(analytics.stats()).toMatchObject({ delivered: 20, refused: { queue_full: refused } });
  });

  test('counts what waits for a retry', async () => {
    await bench.api.behave({ type: 'answer', status: 503, headers: { 'retry-after': '60' } });
    const analytics = bench.open({ maxQueueSize: 2 });
    expect([1, 2].map((index) => track(analytics, index))).toEqual([true, true]);
    await bench.api.waitFor({ requests: 1, timeoutMs: 20_000 });
    expect(track(analytics, 3)).toBe(false);
    expect(analytics.stats()).toMatchObject({ accepted: 2, pending: 2, refused: { queue_full: 1 } });
  });

  test('makes room for what has failed as for what was delivered', async () => {
    await bench.api.behave({ type: 'answer', status: 403 });
    const analytics = bench.open({ maxQueueSize: 2 });
    for (const round of upTo(3)) {
      expect([track(analytics), track(analytics), track(analytics)]).toEqual([true, true, false]);
      flushed(analytics);
      expect(analytics.stats()).toMatchObject({ failed: 2 * (round + 1), pending: 0 });
    }
  });

  test('is for each client by itself', () => {
    const [small, large] = [bench.open({ maxQueueSize: 1 }), bench.open({ maxQueueSize: 2 })];
    expect([track(small), track(small), track(large), track(large), track(large)]).toEqual([
      true,
      false,
      true,
      true,
      false,
    ]);
  });

  test('does not make a mistake of the caller less of one', () => {
    const analytics = bench.open({ maxQueueSize: 1, stub: true });
    track(analytics);
    expect(() => Reflect.apply(analytics.track, analytics, [{ userId: 'u' }])).toThrow(
      'track(): event must be',
    );
    expect(analytics.stats().refused).toEqual({});
  });
});

describe('maxQueueBytes', () => {
  test('refuses the event for which there is no memory left, and takes others again when there is', async () => {
    // Memory is taken by 64 KB; an event of 40,000 bytes leaves no room for another one beside it.
    const filler = 'x'.repeat(40_000);
    // One so large is refused, unless it may be redacted.
    const redact = ['properties.secret'];
    const analytics = bench.open({ maxQueueBytes: 3 * 64 * 1024, stub: true, redact });
    expect(upTo(5).map((index) => track(analytics, index, filler))).toEqual([true, true, true, false, false]);
    expect(analytics.stats()).toMatchObject({ pending: 3, refused: { queue_full: 2 } });
    expect(bench.errors.map(({ code, message }) => [code, message])).toEqual([
      ['queue_full', 'maxQueueBytes (196608) is reached'],
    ]);
    // A small one still fits in behind the last.
    expect(track(analytics)).toBe(true);
    flushed(analytics);
    expect(upTo(4).map((index) => track(analytics, index, filler))).toEqual([true, true, true, false]);
  });

  test('bounds the number of small events: at, under and over it', async () => {
    await answerLate();
    const analytics = bench.open({ maxQueueBytes: 128 * 1024, maxQueueSize: 1_000_000, maxBatchSize: 2_500 });
    let accepted = 0;
    while (track(analytics, accepted)) accepted += 1;
    // Some 80 bytes each: `type`, `messageId`, `timestamp` and `library` are not among them.
    expect(accepted).toBeGreaterThan(1_300);
    expect(accepted).toBeLessThan(2_000);
    expect(analytics.stats()).toMatchObject({ accepted, pending: accepted, refused: { queue_full: 1 } });
    flushed(analytics);
    expect(analytics.stats()).toMatchObject({ delivered: accepted, pending: 0 });
  });

  test('refuses an event that alone is more than all of it', () => {
    const redact = ['properties.secret'];
    const analytics = bench.open({ maxQueueBytes: 128 * 1024, stub: true, redact });
    expect(track(analytics, 0, 'x'.repeat(200_000))).toBe(false);
    expect(track(analytics, 1, 'x'.repeat(100_000))).toBe(true);
  });

  test('keeps the memory of a process the same over any number of events', () => {
    const analytics = bench.open({ maxQueueBytes: 256 * 1024, stub: true });
    const filler = 'x'.repeat(1_000);
    const round = (): void => {
      while (track(analytics, 0, filler));
      flushed(analytics);
    };
    for (const _ of upTo(10)) round();
    const before = process.memoryUsage().arrayBuffers;
    for (const _ of upTo(100)) round();
    // A hundred rounds of 256 KB, had none of it been used again, would be 25 MB.
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

  test('comes at once for the first one, with the event, and then once a minute with how many there were', async () => {
    await bench.api.behave({ type: 'hang' });
    const analytics = full();
    expect(track(analytics, 2)).toBe(false);
    expect(reports()).toEqual([['queue_full', 1]]);
    expect(bench.errors[0]?.message).toBe('maxQueueSize (2) is reached');
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

  test('stops when nothing is refused any more, and begins anew with the next one', () => {
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

  test('is made up for by close()', async () => {
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

  test('is for each client by itself', () => {
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

  test('comes once a minute after close() too, and no timer of it holds the process open', async () => {
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
