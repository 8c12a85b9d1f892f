// flush() blocks until everything accepted before it is settled, or until its deadline. flushAsync() and close() do the
// same asynchronously.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { FlushResult } from '@offthread/sdk';
import { describe, expect, test } from 'vitest';
import { refusal } from '../helpers/untyped.js';
import { expectBalanced, flushed, upTo, withApi } from '../helpers/with-api.js';

const bench = withApi();

type Client = ReturnType<typeof bench.open>;

function track(analytics: Client, count: number): void {
  for (const _ of upTo(count)) expect(analytics.track({ userId: 'u', event: 'e' })).toBe(true);
}

/** Runs a program of test/fixtures in a child process. Returns what it printed, parsed as JSON. */
function run(fixture: string, ...given: string[]): unknown {
  const path = fileURLToPath(new URL(`../fixtures/${fixture}`, import.meta.url));
  const child = spawnSync(process.execPath, [path, ...given], { encoding: 'utf8', timeout: 25_000 });
  expect(child).toMatchObject({ status: 0, signal: null, stderr: '' });
  return JSON.parse(child.stdout);
}

describe('in the very first tick of a process', () => {
  test('flush() delivers all of 1,000 events, and calls their callbacks before it returns', async () => {
    expect(run('first-tick.mjs', bench.api.url)).toEqual({
      result: { status: 'ok', delivered: 1_000, failed: 0, pending: 0, elapsedMs: expect.any(Number) },
      callbacks: 1_000,
      turns: 0,
      stats: expect.objectContaining({ accepted: 1_000, delivered: 1_000, pending: 0 }),
    });
    const events = await bench.api.events();
    expect(events.map(({ properties }) => properties?.['index'])).toEqual(upTo(1_000));
  });

  test('flush() with nothing to flush returns at once, and starts no thread', () => {
    expect(run('empty-flush.mjs')).toEqual({
      result: { status: 'ok', delivered: 0, failed: 0, pending: 0, elapsedMs: expect.any(Number) },
      workers: 0,
    });
  });
});

describe('without an argument', () => {
  const SETTINGS = { batchSize: 1, flushTimeout: 1_500 };

  test.for(['flush', 'flushAsync'] as const)('%s() continues as long as events settle', async (how) => {
    await bench.api.behave({ type: 'ok', delayMs: 100 });
    const analytics = bench.open(SETTINGS);
    track(analytics, 20);
    const result = await analytics[how]();
    expect(result).toMatchObject({ status: 'ok', pending: 0 });
    expect(analytics.stats().delivered).toBe(20);
    expect(result.elapsedMs).toBeGreaterThan(1_500);
  });

  test.for(['flush', 'flushAsync'] as const)(
    '%s() ends flushTimeout after the last event settled',
    async (how) => {
      await bench.api.behave({ type: 'hang' });
      await bench.api.script([{ type: 'ok', delayMs: 400, times: 3 }]);
      // Much longer than a reply takes, on a machine that has to wait too.
      const analytics = bench.open({ ...SETTINGS, flushTimeout: 2_300 });
      track(analytics, 10);
      const result = await analytics[how]();
      expect(result).toMatchObject({ status: 'timeout', pending: 7 });
      expect(analytics.stats().delivered).toBe(3);
      // The first of the three may have been delivered before the flush.
      expect(result.elapsedMs).toBeGreaterThan(2 * 400 + 2_000);
    },
  );

  test.for(['flush', 'flushAsync'] as const)(
    '%s() returns at once if a Retry-After outlasts flushTimeout',
    async (how) => {
      const busy = { type: 'answer', status: 429, headers: { 'retry-after': '60' } } as const;
      await bench.api.script([{ type: 'ok', times: 2 }, busy]);
      const analytics = bench.open({ batchSize: 1, flushTimeout: 20_000 });
      track(analytics, 3);
      const result = await analytics[how]();
      expect(result).toMatchObject({ status: 'timeout', pending: 1 });
      expect(analytics.stats().delivered).toBe(2);
      expect(result.elapsedMs).toBeLessThan(20_000);
    },
  );

  test.for(['flush', 'flushAsync', 'close'] as const)(
    'the limit differs from that of %s() with an argument, which is absolute',
    async (how) => {
      await bench.api.behave({ type: 'ok', delayMs: 100 });
      const analytics = bench.open(SETTINGS);
      track(analytics, 40);
      const result = await analytics[how](1_000);
      expect(result).toMatchObject({ status: 'timeout' });
      expect(result.pending).toBeGreaterThan(0);
    },
  );

  test('close() is absolute nevertheless', async () => {
    await bench.api.behave({ type: 'ok', delayMs: 100 });
    const analytics = bench.open(SETTINGS);
    track(analytics, 40);
    const { status } = await analytics.close();
    expect(status).toBe('timeout');
  });
});

describe('flush()', () => {
  test('blocks until everything is settled, and returns the counts', async () => {
    await bench.api.behave({ type: 'ok', delayMs: 100 });
    await bench.api.rules([{ match: { eventName: 'poison' }, behaviour: { type: 'answer', status: 400 } }]);
    // With redact, the worker reports events that are too large, after the call. No batch is full, so none is sent
    // before the flush, which counts all of them.
    const analytics = bench.open({ redact: ['properties.secret'], batchSize: 500 });
    track(analytics, 150);
    analytics.track({ userId: 'u', event: 'poison' });
    analytics.track({ userId: 'u', event: 'large', properties: { filler: 'x'.repeat(40_000) } });
    let turns = 0;
    setImmediate(() => turns++);
    const result = analytics.flush(20_000);
    expect(turns).toBe(0);
    expect(result).toEqual({
      status: 'ok',
      delivered: 150,
      failed: 2,
      pending: 0,
      elapsedMs: expect.any(Number),
    });
    expect(result.elapsedMs).toBeGreaterThanOrEqual(50);
    expect(await bench.api.counts()).toMatchObject({ events: 150 });
  });

  test('calls callbacks and onError for everything that settled, in order, before it returns', async () => {
    await bench.api.rules([{ match: { eventName: 'poison' }, behaviour: { type: 'answer', status: 403 } }]);
    const called: string[] = [];
    const analytics = bench.open({ batchSize: 1, onError: ({ code }) => called.push(`onError ${code}`) });
    for (const event of ['first', 'poison', 'last']) {
      analytics.track({ userId: 'u', event }, (error) => called.push(`${event} ${error?.code}`));
    }
    expect(called).toEqual([]);
    analytics.flush(20_000);
    expect(called).toEqual(['first undefined', 'poison rejected', 'onError rejected', 'last undefined']);
    await analytics.close();
    expect(called).toHaveLength(4);
  });

  test.for([0, 20_000])(
    'of %d ms also calls callbacks of events that were delivered before it',
    (timeout) => {
      const called: string[] = [];
      const analytics = bench.open({ batchSize: 1 });
      analytics.track({ userId: 'u', event: 'e' }, (error) => called.push(`${error?.code}`));
      const end = performance.now() + 20_000;
      // Within one turn of the event loop, so the callback can't have been called yet.
      while (analytics.stats().delivered === 0 && performance.now() < end)
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
      expect(called).toEqual([]);
      expect(analytics.flush(timeout)).toMatchObject({ status: 'ok', delivered: 0, pending: 0 });
      expect(called).toEqual(['undefined']);
    },
  );

  test('returns at its deadline with the number of pending events, which are delivered later', async () => {
    await bench.api.script([{ type: 'ok' }, { type: 'ok', delayMs: 2_000 }]);
    const analytics = bench.open({ batchSize: 10 });
    track(analytics, 25);
    const result = analytics.flush(400);
    expect(result).toMatchObject({ status: 'timeout', failed: 0 });
    // The first batch may be delivered before the flush, which doesn't count it then.
    expect(result.delivered + result.pending).toBeLessThanOrEqual(25);
    expect(result.pending).toBeGreaterThanOrEqual(15);
    expect(result.elapsedMs).toBeGreaterThanOrEqual(400);
    expect(result.elapsedMs).toBeLessThan(5_000);
    expectBalanced(analytics.stats());
    flushed(analytics);
    expect(analytics.stats().delivered).toBe(25);
    expect(await bench.api.counts()).toMatchObject({ events: 25, duplicates: 0 });
  });

  test('uses flushTimeout of the client by default', async () => {
    await bench.api.behave({ type: 'hang' });
    const analytics = bench.open({ flushTimeout: 150 });
    track(analytics, 1);
    const flushes = [analytics.flush(), await analytics.flushAsync(), await analytics.close()];
    for (const result of flushes) {
      expect(result).toMatchObject({ status: 'timeout', delivered: 0, pending: 1 });
      expect(result.elapsedMs).toBeGreaterThanOrEqual(149);
      expect(result.elapsedMs).toBeLessThan(3_000);
    }
  });

  test('with 0 checks, posts and returns without waiting', async () => {
    await bench.api.behave({ type: 'ok', delayMs: 300 });
    const analytics = bench.open();
    track(analytics, 3);
    expect(analytics.flush(0)).toMatchObject({ status: 'timeout', pending: 3 });
    // Nothing of this turn has ended yet, so it is the flush that posted the events.
    await bench.api.waitFor({ events: 3, timeoutMs: 20_000 });
    flushed(analytics);
    expect(analytics.flush(0)).toMatchObject({ status: 'ok', delivered: 0, pending: 0 });
    expect(await analytics.flushAsync(0)).toMatchObject({ status: 'ok' });
  });

  test('processes what has arrived before it checks its deadline', async () => {
    const analytics = bench.open();
    track(analytics, 3);
    analytics.flush(0);
    const end = performance.now() + 20_000;
    let result: FlushResult;
    do result = analytics.flush(0);
    while (result.status !== 'ok' && performance.now() < end);
    expect(result).toMatchObject({ status: 'ok', pending: 0 });
  });

  test('twice is a barrier each time', async () => {
    await bench.api.behave({ type: 'ok', delayMs: 20 });
    const analytics = bench.open();
    track(analytics, 5);
    expect(analytics.flush(20_000)).toMatchObject({ status: 'ok', delivered: 5 });
    expect(analytics.flush(20_000)).toMatchObject({ status: 'ok', delivered: 0, failed: 0 });
    track(analytics, 7);
    expect(analytics.flush(20_000)).toMatchObject({ status: 'ok', delivered: 7 });
    expect(await bench.api.counts()).toMatchObject({ events: 12 });
  });

  test('in a callback is a barrier for everything accepted before it', async () => {
    const analytics = bench.open({ batchSize: 2 });
    const results: FlushResult[] = [];
    let called = 0;
    for (const index of upTo(6)) {
      analytics.track({ userId: 'u', event: 'e' }, () => {
        called += 1;
        if (index > 1) return;
        analytics.track({ userId: 'u', event: 'from a callback' }, () => {
          called += 1;
        });
        results.push(analytics.flush(20_000));
      });
    }
    results.push(analytics.flush(20_000));
    for (const result of results) expect(result).toMatchObject({ status: 'ok', pending: 0 });
    expect(results).toHaveLength(3);
    expect(called).toBe(8);
    expect(analytics.stats()).toMatchObject({ accepted: 8, delivered: 8, pending: 0 });
    expect(await bench.api.counts()).toMatchObject({ events: 8, duplicates: 0 });
  });

  test('does not wait for events that a callback adds while it waits', async () => {
    await bench.api.script([{ type: 'ok' }, { type: 'hang' }]);
    const analytics = bench.open({ batchSize: 1 });
    let added = 0;
    const again = (): void => {
      if (added === 1_000) return;
      added += 1;
      analytics.track({ userId: 'u', event: 'again' }, again);
    };
    analytics.track({ userId: 'u', event: 'first' }, again);
    expect(analytics.flush(20_000)).toMatchObject({ status: 'ok', pending: 0 });
    expect(added).toBe(1);
    expect(analytics.stats().pending).toBe(1);
  });

  test('in onError is a barrier too', async () => {
    await bench.api.script([{ type: 'answer', status: 403 }]);
    const results: [FlushResult, number][] = [];
    const analytics = bench.open({
      batchSize: 1,
      onError: () => results.push([analytics.flush(20_000), analytics.stats().delivered]),
    });
    track(analytics, 3);
    flushed(analytics);
    expect(results).toMatchObject([[{ status: 'ok', pending: 0 }, 2]]);
  });

  test('works while other clients are busy', async () => {
    await bench.api.rules([{ match: { writeKey: 'slow' }, behaviour: { type: 'hang' } }]);
    const [slow, quick] = [bench.open({ writeKey: 'slow' }), bench.open({ writeKey: 'quick' })];
    track(slow, 10);
    track(quick, 10);
    expect(quick.flush(20_000)).toMatchObject({ status: 'ok', delivered: 10 });
    expect(slow.stats().pending).toBe(10);
  });
});

describe('flushAsync()', () => {
  test('is the same barrier, and does not block the thread', async () => {
    await bench.api.behave({ type: 'ok', delayMs: 200 });
    // No batch is full, so none is sent before the flush, which counts all of them.
    const analytics = bench.open({ batchSize: 500 });
    track(analytics, 150);
    let turns = 0;
    const counting = setInterval(() => turns++, 5);
    const result = await analytics.flushAsync(20_000);
    clearInterval(counting);
    expect(result).toEqual({
      status: 'ok',
      delivered: 150,
      failed: 0,
      pending: 0,
      elapsedMs: expect.any(Number),
    });
    expect(turns).toBeGreaterThan(3);
  });

  test('in parallel calls, each is a barrier for everything accepted before it', async () => {
    await bench.api.behave({ type: 'ok', delayMs: 40 });
    const analytics = bench.open({ batchSize: 10 });
    const flushes: Promise<[number, FlushResult, number]>[] = [];
    for (const round of upTo(5)) {
      track(analytics, 10);
      const flush = analytics.flushAsync(20_000);
      flushes.push(flush.then((result) => [round, result, analytics.stats().delivered]));
    }
    for (const [round, result, deliveredThen] of await Promise.all(flushes)) {
      expect(result).toMatchObject({ status: 'ok', pending: 0 });
      expect(deliveredThen).toBeGreaterThanOrEqual(10 * (round + 1));
    }
  });

  test('does not wait for events that are accepted after it', async () => {
    await bench.api.script([{ type: 'ok' }, { type: 'hang' }]);
    const analytics = bench.open({ batchSize: 1 });
    track(analytics, 1);
    const flush = analytics.flushAsync(20_000);
    track(analytics, 1);
    expect(await flush).toMatchObject({ status: 'ok', pending: 0 });
    expect(analytics.stats()).toMatchObject({ delivered: 1, pending: 1 });
  });

  test('is settled by a blocking flush() in the meantime', async () => {
    await bench.api.behave({ type: 'ok', delayMs: 30 });
    const analytics = bench.open();
    track(analytics, 5);
    const flush = analytics.flushAsync(20_000);
    flushed(analytics);
    expect(await flush).toMatchObject({ status: 'ok', delivered: 5 });
  });

  test('resolves at its deadline', async () => {
    await bench.api.behave({ type: 'hang' });
    const analytics = bench.open();
    track(analytics, 2);
    const result = await analytics.flushAsync(200);
    expect(result).toMatchObject({ status: 'timeout', delivered: 0, pending: 2 });
    expect(result.elapsedMs).toBeGreaterThanOrEqual(199);
    expect(result.elapsedMs).toBeLessThan(5_000);
  });
});

describe('an invalid time limit', () => {
  test.each([
    [-1, '-1'],
    [0.5, '0.5'],
    [Number.NaN, 'NaN'],
    [Number.POSITIVE_INFINITY, 'Infinity'],
    [2 ** 31, '2147483648'],
    ['100', "'100'"],
    [null, 'null'],
    [100n, '100n'],
  ])('%s is refused by flush(), flushAsync() and close(), which keep working', async (timeout, shown) => {
    const analytics = bench.open({ stub: true });
    track(analytics, 2);
    const message = `timeoutMs must be a whole number from 0 to 2147483647; got ${shown}`;
    const error = refusal(() => Reflect.apply(analytics.flush, analytics, [timeout]));
    expect(error.message).toContain(message.slice('timeoutMs'.length));
    for (const method of [analytics.flushAsync, analytics.close]) {
      await expect(Reflect.apply(method, analytics, [timeout])).rejects.toThrow(error.message);
    }
    track(analytics, 1);
    expect(analytics.flush(2 ** 31 - 1).status).toBe('ok');
    expect(analytics.stats().delivered).toBe(3);
  });
});

describe('close()', () => {
  test('flushes, and then every call is refused and counted, but never throws', async () => {
    const analytics = bench.open();
    track(analytics, 5);
    const closing = analytics.close(20_000);
    expect(analytics.track({ userId: 'u', event: 'too late' })).toBe(false);
    expect(await closing).toMatchObject({ status: 'ok', delivered: 5, failed: 0, pending: 0 });
    for (const given of [[{ userId: 'u', event: 'e' }], [{}], [null], []]) {
      expect(Reflect.apply(analytics.track, analytics, given)).toBe(false);
    }
    expect(analytics.stats()).toMatchObject({ accepted: 5, delivered: 5, refused: { closed: 5 } });
    expect(await bench.api.counts()).toMatchObject({ events: 5 });
  });

  test('twice, and then by Symbol.asyncDispose, closes once', async () => {
    const analytics = bench.open();
    track(analytics, 3);
    const [first, second] = [analytics.close(20_000), analytics.close(20_000)];
    expect(await second).toBe(await first);
    await analytics[Symbol.asyncDispose]();
    expect(await analytics.close()).toBe(await first);
    expect(bench.errors).toEqual([]);
  });

  test('is called by Symbol.asyncDispose', async () => {
    const analytics = bench.open();
    track(analytics, 3);
    await analytics[Symbol.asyncDispose]();
    expect(await bench.api.counts()).toMatchObject({ events: 3 });
    expect(analytics.track({ userId: 'u', event: 'e' })).toBe(false);
  });

  test('drops what does not settle in time, reports it, and aborts the request in flight', async () => {
    await bench.api.behave({ type: 'hang' });
    const analytics = bench.open();
    const called: unknown[] = [];
    for (const index of upTo(3)) {
      analytics.track({ userId: 'u', event: 'e', properties: { index } }, (error) =>
        called.push(error?.code),
      );
    }
    await bench.api.waitFor({ requests: 1, timeoutMs: 20_000 });
    expect(await analytics.close(100)).toMatchObject({ status: 'timeout', pending: 3 });
    expect(called).toEqual(['closed', 'closed', 'closed']);
    expect(bench.errors).toMatchObject([
      { code: 'closed', message: 'The client was closed before the event was sent', count: 3 },
    ]);
    expect(bench.errors[0]?.events.map((event) => event['properties'])).toEqual(
      upTo(3).map((index) => ({ index })),
    );
    expect(analytics.stats()).toMatchObject({ accepted: 3, pending: 0, dropped: { closed: 3 } });
    const end = performance.now() + 10_000;
    while ((await bench.api.requests())[0]?.state === 'open' && performance.now() < end);
    expect((await bench.api.requests()).map(({ state }) => state)).toEqual(['abandoned']);
  });

  test('of an unused client works, and so does a flush after it', async () => {
    const analytics = bench.open();
    expect(await analytics.close()).toMatchObject({ status: 'ok', delivered: 0, pending: 0 });
    expect(analytics.flush()).toMatchObject({ status: 'ok', delivered: 0, pending: 0 });
    expect(await analytics.flushAsync()).toMatchObject({ status: 'ok' });
  });

  test('works in a callback', async () => {
    const analytics = bench.open({ batchSize: 1 });
    let closing: Promise<FlushResult> | undefined;
    analytics.track({ userId: 'u', event: 'first' }, () => {
      closing = analytics.close(20_000);
    });
    track(analytics, 3);
    analytics.flush(20_000);
    expect(await closing).toMatchObject({ status: 'ok', pending: 0 });
    expect(await bench.api.counts()).toMatchObject({ events: 4 });
  });
});

test('accepted = delivered + failed + dropped + pending at any time', async () => {
  await bench.api.rules([
    { match: { eventName: 'poison' }, behaviour: { type: 'answer', status: 400 } },
    {
      match: { minEvents: 1 },
      behaviour: { type: 'sometimes', probability: 0.2, behaviour: { type: 'answer', status: 500 } },
    },
  ]);
  const redact = ['properties.secret'];
  const analytics = bench.open({ batchSize: 20, maxQueueSize: 60, redact });
  let calls = 0;
  const outcomes = { delivered: 0, rejected: 0, event_too_large: 0, queue_full: 0, unserializable: 0 };
  for (const index of upTo(400)) {
    const properties =
      index % 37 === 5
        ? { filler: 'x'.repeat(40_000) }
        : index % 41 === 7
          ? {
              toJSON() {
                throw new Error('no');
              },
            }
          : { index };
    analytics.track({ userId: 'u', event: index % 29 === 3 ? 'poison' : 'e', properties }, (error) => {
      calls += 1;
      Object.assign(outcomes, {
        [error?.code ?? 'delivered']: Reflect.get(outcomes, error?.code ?? 'delivered') + 1,
      });
      expectBalanced(analytics.stats());
    });
    expectBalanced(analytics.stats());
    if (index % 10 === 9) await new Promise((resolve) => setTimeout(resolve, 5));
  }
  flushed(analytics);
  await new Promise(setImmediate);
  const { accepted, delivered, failed, dropped, refused } = analytics.stats();
  expect(calls).toBe(400);
  expect(accepted + (refused.queue_full ?? 0) + (refused.unserializable ?? 0)).toBe(400);
  expect(outcomes).toEqual({
    delivered,
    rejected: failed,
    event_too_large: dropped.event_too_large ?? 0,
    queue_full: refused.queue_full ?? 0,
    unserializable: refused.unserializable ?? 0,
  });
  const { events, duplicates } = await bench.api.counts();
  expect(events - duplicates).toBe(delivered);
});
