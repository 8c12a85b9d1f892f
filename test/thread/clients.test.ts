// Many clients in a process: each has its own settings, queue, write key and request, and all share one worker thread.
import { startTrackingApi } from '@offthread/devtools';
import { describe, expect, test } from 'vitest';
import { flushed, upTo, withApi } from '../helpers/with-api.js';

const bench = withApi();

/** The number of worker threads of this process, as Node.js reports them. */
function workerThreads(): number {
  Reflect.set(process.report, 'excludeNetwork', true);
  const report: unknown = process.report.getReport();
  if (typeof report !== 'object' || report === null || !('workers' in report)) return Number.NaN;
  return Array.isArray(report.workers) ? report.workers.length : Number.NaN;
}

describe('two clients', () => {
  test('keep their write keys and their events apart', async () => {
    const [app, marketing] = [bench.open({ writeKey: 'APP' }), bench.open({ writeKey: 'MARKETING' })];
    for (const index of upTo(300)) {
      app.track({ userId: 'u', event: 'app', properties: { index } });
      marketing.track({ userId: 'u', event: 'marketing', properties: { index } });
    }
    flushed(app);
    flushed(marketing);
    for (const { writeKey, events } of await bench.api.requests()) {
      expect(new Set(events.map(({ event }) => event))).toEqual(new Set([writeKey?.toLowerCase()]));
    }
    for (const name of ['app', 'marketing']) {
      const events = (await bench.api.events()).filter(({ event }) => event === name);
      expect(events.map(({ properties }) => properties?.['index'])).toEqual(upTo(300));
    }
    for (const client of [app, marketing])
      expect(client.stats()).toMatchObject({ accepted: 300, delivered: 300 });
  });

  test('with the same write key are independent', async () => {
    await bench.api.behave({ type: 'ok', delayMs: 1_000 });
    const [one, other] = [bench.open(), bench.open()];
    one.track({ userId: 'u', event: 'one' });
    other.track({ userId: 'u', event: 'other' });
    await Promise.all([one.flushAsync(20_000), other.flushAsync(20_000)]);
    const { maxConcurrentByWriteKey, requests, biggestBatch } = await bench.api.counts();
    expect({ requests, biggestBatch }).toEqual({ requests: 2, biggestBatch: 1 });
    expect(maxConcurrentByWriteKey).toEqual({ KEY: 2 });
  });

  test('have their own settings', async () => {
    await using second = await startTrackingApi();
    const reported: string[] = [];
    const small = bench.open({ writeKey: 'small', batchSize: 2, maxQueueSize: 5, gzip: true });
    const large = bench.open({
      writeKey: 'large',
      host: second.url,
      path: '/v1/import',
      batchSize: 50,
      onError: ({ code }) => reported.push(code),
    });
    await second.rules([{ match: { eventName: 'poison' }, behaviour: { type: 'answer', status: 403 } }]);
    // Late, so that no event of the first batch makes room for another one.
    await bench.api.script([{ type: 'ok', delayMs: 1_000 }]);
    for (const _ of upTo(20)) {
      small.track({ userId: 'u', event: 'e' });
      large.track({ userId: 'u', event: 'e' });
    }
    flushed(small);
    flushed(large);
    large.track({ userId: 'u', event: 'poison' });
    flushed(large);
    expect(small.stats()).toMatchObject({ accepted: 5, delivered: 5, refused: { queue_full: 15 } });
    expect(large.stats()).toMatchObject({ accepted: 21, delivered: 20, failed: 1, refused: {} });
    expect(await bench.api.counts()).toMatchObject({ events: 5, biggestBatch: 2 });
    expect(await second.counts()).toMatchObject({ events: 20, biggestBatch: 20 });
    const [compressed] = await bench.api.requests();
    expect(compressed?.headers['content-encoding']).toBe('gzip');
    const [plain] = await second.requests();
    expect(plain).toMatchObject({ path: '/v1/import', writeKey: 'large' });
    expect(plain?.headers).not.toHaveProperty('content-encoding');
    expect(reported).toEqual(['rejected']);
    expect(bench.errors.map(({ code }) => code)).toEqual(['queue_full']);
    await large.close();
  });

  test('do not wait for each other: one may hang while the other delivers', async () => {
    await bench.api.rules([{ match: { writeKey: 'stuck' }, behaviour: { type: 'hang' } }]);
    const [stuck, free] = [bench.open({ writeKey: 'stuck' }), bench.open({ writeKey: 'free', batchSize: 1 })];
    for (const _ of upTo(10)) {
      stuck.track({ userId: 'u', event: 'e' });
      free.track({ userId: 'u', event: 'e' });
    }
    flushed(free);
    expect(free.stats()).toMatchObject({ delivered: 10, requests: 10 });
    expect(stuck.stats()).toMatchObject({ delivered: 0, pending: 10 });
  });

  test('are closed one by one: closing one does not affect the other', async () => {
    const [one, other] = [bench.open(), bench.open()];
    one.track({ userId: 'u', event: 'one' });
    other.track({ userId: 'u', event: 'other' });
    await one.close(20_000);
    other.track({ userId: 'u', event: 'other' });
    flushed(other);
    expect(await bench.api.counts()).toMatchObject({ events: 3 });
  });
});

test('200 clients deliver all of their events from one worker thread, each with one request at a time', async () => {
  await bench.api.behave({ type: 'ok', delayMs: 20 });
  const before = workerThreads();
  const keys = upTo(200).map((index) => `key-${index}`);
  const clients = keys.map((writeKey) => bench.open({ writeKey, batchSize: 5 }));
  for (const index of upTo(15)) {
    for (const client of clients) client.track({ userId: 'u', event: 'e', properties: { index } });
  }
  const results = await Promise.all(clients.map((client) => client.flushAsync(25_000)));
  for (const result of results) expect(result).toMatchObject({ status: 'ok', pending: 0 });
  for (const client of clients) expect(client.stats()).toMatchObject({ accepted: 15, delivered: 15 });
  // The client that this file keeps open.
  expect(before).toBe(1);
  expect(workerThreads()).toBe(1);
  const counts = await bench.api.counts();
  expect(counts).toMatchObject({ events: 3_000, duplicates: 0, biggestBatch: 5 });
  expect(counts.maxConcurrentByWriteKey).toEqual(Object.fromEntries(keys.map((key) => [key, 1])));
  const arrived = new Map<string | null, unknown[]>();
  for (const { writeKey, events } of await bench.api.requests()) {
    const indices = events.map(({ properties }) => properties?.['index']);
    arrived.set(writeKey, [...(arrived.get(writeKey) ?? []), ...indices]);
  }
  for (const key of keys) expect(arrived.get(key)).toEqual(upTo(15));
});

test('1,000 clients that start at the same time keep the worker busy, which is not mistaken for its death', async () => {
  // A request that timed out on a busy machine would be repeated, as if the worker had been given up.
  const requestTimeout = 60_000;
  const clients = upTo(1_000).map((index) => bench.open({ writeKey: `key-${index}`, requestTimeout }));
  for (const client of clients) client.track({ userId: 'u', event: 'first' });
  await Promise.all(clients.map((client) => client.flushAsync(50_000)));
  for (const client of clients) {
    client.track({ userId: 'u', event: 'second' });
    expect(client.stats()).toMatchObject({ accepted: 2, delivered: 1 });
  }
  await Promise.all(clients.map((client) => client.flushAsync(50_000)));
  // If the worker had been given up, the next one would have sent its events again.
  expect(await bench.api.counts()).toMatchObject({ events: 2_000, duplicates: 0, requests: 2_000 });
  expect(bench.errors).toEqual([]);
  expect(workerThreads()).toBe(1);
}, 120_000);
