// When events are sent, in which requests and in which order: one request at a time, none of it on the main thread.
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { gzipSync } from 'node:zlib';
import { startTrackingApi } from '@offthread/devtools';
import { version } from '@offthread/sdk';
import { describe, expect, test } from 'vitest';
import { flushed, upTo, withApi } from '../helpers/with-api.js';

const bench = withApi();

/** The `index` properties of all received events, in order of arrival. */
async function indices(): Promise<unknown[]> {
  return (await bench.api.events()).map(({ properties }) => properties?.['index']);
}

async function sizesOfRequests(): Promise<number[]> {
  return (await bench.api.requests()).map(({ eventCount }) => eventCount);
}

/** Lets the request go that hangs. It is made again, and is the first that the API records. */
function letGo(): Promise<void> {
  return bench.api.reset();
}

describe('the schedule', () => {
  test('the first event is sent at once; events tracked during its request follow in full batches', async () => {
    await bench.api.script([{ type: 'hang' }]);
    const analytics = bench.open();
    const track = (index: number): boolean =>
      analytics.track({ userId: 'u', event: 'e', properties: { index } });
    track(0);
    await bench.api.waitFor({ requests: 1, timeoutMs: 20_000 });
    for (const index of upTo(250)) track(index + 1);
    await letGo();
    flushed(analytics);
    expect(await sizesOfRequests()).toEqual([1, 100, 100, 50]);
    expect(await indices()).toEqual(upTo(251));
    expect(analytics.stats()).toMatchObject({ accepted: 251, delivered: 251, requests: 5, retries: 1 });
  });

  // The first request is let go late, so that everything else waits for the second one.
  test.each<[string, object, number, number[]]>([
    ['up to 1,000 events wait', {}, 1_000, Array(10).fill(100)],
    ['more wait', {}, 1_001, [1_001]],
    ['far more wait', {}, 4_000, [2_500, 1_500]],
    ['one large request leaves a normal backlog', {}, 2_700, [2_500, 100, 100]],
    ['batchSize is given', { batchSize: 500 }, 6_000, Array(12).fill(500)],
    ['both are given', { batchSize: 10, maxBatchSize: 90 }, 300, [90, 90, 90, 10, 10, 10]],
  ])('if %s (%j), %d events go in requests of %j', async (_name, settings, count, sizes) => {
    await bench.api.script([{ type: 'hang' }]);
    const analytics = bench.open(settings);
    // Small enough that 2,500 of them just fit into 500,000 bytes.
    const track = (index: number): boolean => analytics.track({ userId: String(index), event: 'e' });
    track(0);
    await bench.api.waitFor({ requests: 1, timeoutMs: 20_000 });
    for (const index of upTo(count)) track(index + 1);
    await letGo();
    flushed(analytics);
    expect(await sizesOfRequests()).toEqual([1, ...sizes]);
    expect((await bench.api.events()).map(({ userId }) => Number(userId))).toEqual(upTo(count + 1));
  });

  test('a backlog of large events is sent in requests of at most 500,000 bytes', async () => {
    await bench.api.script([{ type: 'hang' }]);
    const analytics = bench.open();
    analytics.track({ userId: 'u', event: 'first' });
    await bench.api.waitFor({ requests: 1, timeoutMs: 20_000 });
    const properties = { filler: 'x'.repeat(800) };
    for (const _ of upTo(1_500)) analytics.track({ userId: 'u', event: 'e', properties });
    await letGo();
    flushed(analytics);
    const { biggestBody, biggestBatch } = await bench.api.counts();
    expect(biggestBody).toBeLessThanOrEqual(500_000);
    expect(biggestBody).toBeGreaterThan(490_000);
    expect(biggestBatch).toBeLessThan(600);
  });

  test('all events are sent without a flush', async () => {
    const analytics = bench.open();
    for (const index of upTo(1_000)) {
      analytics.track({ userId: 'u', event: 'e', properties: { index } });
      if (index % 50 === 0) await new Promise(setImmediate);
    }
    await bench.api.waitFor({ events: 1_000, timeoutMs: 20_000 });
    expect(await indices()).toEqual(upTo(1_000));
  });

  test('an idle client also sends the next event at once', async () => {
    const analytics = bench.open();
    for (const round of upTo(5)) {
      analytics.track({ userId: 'u', event: 'e', properties: { index: round } });
      await bench.api.waitFor({ events: round + 1, timeoutMs: 20_000 });
      // Longer than events gather on the main thread, so that the client is idle again.
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
    expect(await sizesOfRequests()).toEqual([1, 1, 1, 1, 1]);
  });

  test('a client never has two requests in flight', async () => {
    await bench.api.behave({ type: 'ok', delayMs: 25 });
    const analytics = bench.open({ batchSize: 20 });
    for (const index of upTo(400)) {
      analytics.track({ userId: 'u', event: 'e', properties: { index } });
      if (index % 40 === 0) await analytics.flushAsync(1);
    }
    flushed(analytics);
    const counts = await bench.api.counts();
    expect(counts.maxConcurrentByWriteKey).toEqual({ KEY: 1 });
    expect(counts.requests).toBeGreaterThanOrEqual(20);
    expect(await indices()).toEqual(upTo(400));
  });

  test('all requests use one connection', async () => {
    const analytics = bench.open({ batchSize: 10 });
    for (const _ of upTo(200)) analytics.track({ userId: 'u', event: 'e' });
    flushed(analytics);
    const connections = new Set((await bench.api.requests()).map(({ connection }) => connection));
    expect(connections.size).toBe(1);
  });
});

describe('linger', () => {
  const FOR_EVER = 600_000;

  test('delays a short batch, but neither the first event nor a full batch', async () => {
    const analytics = bench.open({ linger: FOR_EVER, batchSize: 10 });
    const track = (count: number): void => {
      for (const _ of upTo(count)) analytics.track({ userId: 'u', event: 'e' });
    };
    track(1);
    await bench.api.waitFor({ events: 1, timeoutMs: 20_000 });
    track(9);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(await sizesOfRequests()).toEqual([1]);
    track(2);
    await bench.api.waitFor({ events: 11, timeoutMs: 20_000 });
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(await sizesOfRequests()).toEqual([1, 10]);
    await expect.poll(() => analytics.stats().pending, { timeout: 20_000 }).toBe(1);
  });

  test('ends without a flush', async () => {
    const analytics = bench.open({ linger: 100 });
    for (const event of ['first', 'second', 'third']) {
      analytics.track({ userId: 'u', event });
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await bench.api.waitFor({ events: 3, timeoutMs: 20_000 });
  });

  test('is cut short by a flush for all events accepted before it, in any number of batches', async () => {
    const analytics = bench.open({ linger: FOR_EVER });
    analytics.track({ userId: 'u', event: 'first' });
    flushed(analytics);
    // Forty events of 30 KB take three requests, none of which has the hundred events that would end the wait.
    const properties = { filler: 'x'.repeat(30_000) };
    for (const _ of upTo(40)) analytics.track({ userId: 'u', event: 'e', properties });
    flushed(analytics);
    expect(await sizesOfRequests()).toEqual([1, 16, 16, 8]);
  });

  test('is cut short by a flush during a request', async () => {
    await bench.api.script([{ type: 'ok', delayMs: 500 }]);
    const analytics = bench.open({ linger: FOR_EVER });
    analytics.track({ userId: 'u', event: 'first' });
    await bench.api.waitFor({ requests: 1, timeoutMs: 20_000 });
    analytics.track({ userId: 'u', event: 'second' });
    flushed(analytics);
    // The flush was for those two: the next event waits again.
    analytics.track({ userId: 'u', event: 'third' });
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(await sizesOfRequests()).toEqual([1, 1]);
  });

  test('is cut short by close()', async () => {
    const analytics = bench.open({ linger: FOR_EVER });
    for (const event of ['first', 'second']) {
      analytics.track({ userId: 'u', event });
      await new Promise(setImmediate);
    }
    expect(await analytics.close(20_000)).toMatchObject({ status: 'ok', pending: 0 });
    expect(await bench.api.counts()).toMatchObject({ events: 2 });
  });
});

describe('retries', () => {
  test('resend the same events with the same messageIds before any later event', async () => {
    const failing = { type: 'answer', status: 500, delayMs: 20 } as const;
    await bench.api.script([failing, { type: 'drop', after: 'body' }, failing, { type: 'ok' }, failing]);
    const analytics = bench.open({ batchSize: 50 });
    for (const index of upTo(200)) analytics.track({ userId: 'u', event: 'e', properties: { index } });
    flushed(analytics);
    expect(await indices()).toEqual(upTo(200));
    const requests = await bench.api.requests();
    const counts = requests.map(({ headers }) => headers['x-retry-count']);
    expect(counts).toEqual([undefined, '1', '2', '3', undefined, '1', undefined, undefined]);
    const ids = requests.map(({ messageIds }) => messageIds.join());
    expect(new Set(ids.slice(0, 4)).size).toBe(1);
    expect(new Set(ids.slice(4, 6)).size).toBe(1);
    expect(new Set(ids).size).toBe(4);
    expect(analytics.stats()).toMatchObject({ requests: 8, retries: 4, delivered: 200, failed: 0 });
  });

  test('have a new sentAt', async () => {
    await bench.api.script([{ type: 'answer', status: 500, delayMs: 30, times: 3 }]);
    const analytics = bench.open();
    const before = Date.now();
    analytics.track({ userId: 'u', event: 'e' });
    flushed(analytics);
    const requests = await bench.api.requests();
    const times = requests.map(({ sentAt }) => Date.parse(String(sentAt)));
    expect(times).toHaveLength(4);
    for (const [index, time] of times.entries()) {
      expect(requests[index]?.sentAt).toBe(new Date(time).toISOString());
      expect(time).toBeGreaterThan(times[index - 1] ?? before - 1);
      // Same machine, same clock: a request can't be sent after it has arrived.
      expect(time).toBeLessThanOrEqual(Date.parse(String(requests[index]?.receivedAt)));
    }
  });
});

describe('a request', () => {
  test('is a POST of JSON with Basic auth and a User-Agent', async () => {
    const analytics = bench.open({ writeKey: 'wk-1' });
    analytics.track({ userId: 'u', event: 'ä' });
    flushed(analytics);
    const [request] = await bench.api.requests();
    expect(request).toMatchObject({ method: 'POST', path: '/v1/batch', writeKey: 'wk-1' });
    expect(request?.headers).toMatchObject({
      authorization: `Basic ${btoa('wk-1:')}`,
      'content-type': 'application/json',
      'user-agent': `offthread/${version}`,
      'content-length': String(request?.bodyBytes),
    });
    expect(request?.headers).not.toHaveProperty('content-encoding');
    expect(request?.headers).not.toHaveProperty('x-retry-count');
    expect(Object.keys(JSON.parse(await bench.api.body(1)))).toEqual(['batch', 'sentAt']);
  });

  test('is compressed if gzip is set, and its size is counted before compression', async () => {
    await bench.api.script([{ type: 'answer', status: 500 }]);
    const analytics = bench.open({ gzip: true });
    for (const index of upTo(300)) analytics.track({ userId: 'u', event: 'e', properties: { index } });
    flushed(analytics);
    expect(await indices()).toEqual(upTo(300));
    const requests = await bench.api.requests();
    for (const { headers, bodyBytes, plainBytes, sequence } of requests) {
      expect(headers['content-encoding']).toBe('gzip');
      expect(headers['content-length']).toBe(String(bodyBytes));
      expect(bodyBytes).toBe(gzipSync(await bench.api.body(sequence)).length);
      expect(bodyBytes).toBeLessThan(plainBytes ?? 0);
    }
    const plain = requests.reduce((sum, { plainBytes }) => sum + (plainBytes ?? 0), 0);
    expect(analytics.stats().bytes).toBe(plain);
  });
});

describe('stub', () => {
  test.each([
    ['the host of the others', {}],
    ['an unknown host', { host: 'nowhere.invalid' }],
    ['the default host', { host: undefined }],
  ])('sends nothing and counts every event as delivered, with %s', async (_, settings) => {
    const analytics = bench.open({ stub: true, batchSize: 10, ...settings });
    const outcomes: unknown[] = [];
    for (const index of upTo(25)) {
      const properties = { index };
      expect(analytics.track({ userId: 'u', event: 'e', properties }, (error) => outcomes.push(error))).toBe(
        true,
      );
    }
    flushed(analytics);
    expect(outcomes).toEqual(upTo(25).map(() => undefined));
    expect(analytics.stats()).toMatchObject({ accepted: 25, delivered: 25, failed: 0, requests: 3 });
    expect(await bench.api.counts()).toMatchObject({ requests: 0 });
  });

  test('does everything else as in production: limits, refusals, exceptions', () => {
    const analytics = bench.open({ stub: true, maxQueueSize: 3 });
    const track = (properties: object): boolean => analytics.track({ userId: 'u', event: 'e', properties });
    const large = { list: Array(1_400).fill(10n ** 22n) };
    expect([
      track({ filler: 'x'.repeat(33_000) }),
      track({}),
      track(large),
      track({ big: 1n }),
      track({}),
    ]).toEqual([false, true, true, true, false]);
    flushed(analytics);
    expect(analytics.stats()).toMatchObject({
      accepted: 3,
      delivered: 2,
      dropped: { event_too_large: 1 },
      refused: { event_too_large: 1, queue_full: 1 },
    });
    const codes = ['event_too_large', 'queue_full', 'event_too_large'];
    expect(bench.errors.map(({ code }) => code)).toEqual(codes);
  });
});

// One request at a time with 100 events each would handle 650 events a second.
test('2,000 events a second to an API with 150 ms latency: none is refused, and one request is in flight at a time', {
  timeout: 60_000,
}, async () => {
  await using api = await startTrackingApi({ latencyMs: 150, record: 'count' });
  // Half of the default, for a test of half the duration.
  const analytics = bench.open({ host: api.url, maxQueueSize: 5_000 });
  const total = 10_000;
  const start = performance.now();
  for (let tracked = 0; tracked < total; ) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    const due = Math.min(total, Math.floor((performance.now() - start) * 2));
    // Catches up at no more than four times the rate if the machine stalled.
    for (const end = Math.min(due, tracked + 80); tracked < end; tracked++) {
      analytics.track({ userId: 'u', event: 'e', properties: { index: tracked } });
    }
  }
  expect(await analytics.flushAsync(20_000)).toMatchObject({ status: 'ok', failed: 0 });
  expect(analytics.stats()).toMatchObject({ accepted: total, delivered: total, refused: {}, retries: 0 });
  expect(await api.counts()).toMatchObject({
    events: total,
    duplicates: 0,
    maxConcurrentByWriteKey: { KEY: 1 },
  });
  expect(bench.errors).toEqual([]);
});

test('the main thread opens no socket', async () => {
  let sockets = 0;
  const count = (): void => {
    sockets += 1;
  };
  const analytics = bench.open({ writeKey: 'elsewhere' });
  subscribe('net.client.socket', count);
  try {
    for (const index of upTo(5_000)) {
      analytics.track({ userId: 'u', event: 'e', properties: { index } });
      if (index % 500 === 0) await new Promise(setImmediate);
    }
    expect(await analytics.flushAsync(20_000)).toMatchObject({ status: 'ok' });
    const resources = process.getActiveResourcesInfo();
    expect(resources.filter((name) => /^TCP|^TLS|GETADDRINFO|^HTTP/i.test(name))).toEqual([]);
    expect(sockets).toBe(0);
    // The server's handle proves that a socket would have been detected.
    expect(await bench.api.counts()).toMatchObject({
      events: 5_000,
      maxConcurrentByWriteKey: { elsewhere: 1 },
    });
    expect(sockets).toBe(1);
  } finally {
    unsubscribe('net.client.socket', count);
  }
});
