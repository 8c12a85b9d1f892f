// The requests of a client exceed no limit of the API, and no event is lost or overtaken.
import { MAX_BODY_BYTES, MAX_EVENT_BYTES } from '@offthread/worker/limits';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { eventOfBytes } from '../helpers/exact-event.js';
import { flushed, upTo, withApi } from '../helpers/with-api.js';

const bench = withApi();

/** Bytes of a body around its events: `{"batch":[` … `],"sentAt":"2026-11-24T12:00:00.000Z"}`. */
const ENVELOPE = 10 + 12 + 24 + 2;

/** A client whose first event has been sent, and whose next events wait for a flush or a full batch. */
async function waiting(batchSize: number): Promise<ReturnType<typeof bench.open>> {
  // With redact, the worker reports events that are too large, after the call.
  const analytics = bench.open({ batchSize, linger: 600_000, redact: ['properties.secret'] });
  analytics.track({ userId: 'u', event: 'first' });
  flushed(analytics);
  await bench.api.reset();
  return analytics;
}

async function sizesOfRequests(): Promise<number[]> {
  return (await bench.api.requests()).map(({ eventCount }) => eventCount);
}

test.each([
  ['letters of one byte', 'x'],
  ['letters of two bytes', 'ä'],
  ['letters of three bytes', '漢'],
  ['letters of four bytes', '😀'],
  ['quotes, which take two bytes as JSON', '"'],
])('an event of 32,768 bytes is delivered and one of 32,769 dropped, made of %s', async (_, character) => {
  const fits = eventOfBytes(MAX_EVENT_BYTES, character);
  const exceeds = eventOfBytes(MAX_EVENT_BYTES + 1, character);
  const analytics = await waiting(100);
  analytics.track({ userId: 'u', event: 'before' });
  analytics.track(fits);
  analytics.track(exceeds);
  analytics.track({ userId: 'u', event: 'after' });
  expect(analytics.flush(20_000)).toMatchObject({ status: 'ok', delivered: 3, failed: 1 });
  expect((await bench.api.events()).map(({ event }) => event)).toEqual(['before', 'e', 'after']);
  expect((await bench.api.messageIds())[1]).toBe(fits.messageId);
  expect(bench.errors).toHaveLength(1);
  const { code, message, events, attempts, status } = bench.errors[0] ?? {};
  expect(code).toBe('event_too_large');
  expect(message).toBe('An event may have at most 32768 bytes as sent; this one has 32769');
  expect(events).toMatchObject([{ messageId: exceeds.messageId }]);
  expect({ attempts, status }).toEqual({ attempts: 0, status: undefined });
  expect(analytics.stats().dropped).toEqual({ event_too_large: 1 });
});

test('an event in a snapshot is measured as it is sent, not as it crossed', async () => {
  const analytics = await waiting(100);
  // 20 digits: 22 bytes as JSON text and 16 in a snapshot.
  const bigs = (count: number): object => ({ list: upTo(count).map(() => 12345678901234567890n) });
  analytics.track({ userId: 'u', event: 'fits', properties: bigs(1_400) });
  analytics.track({ userId: 'u', event: 'exceeds', properties: bigs(1_430) });
  analytics.flush(20_000);
  expect((await bench.api.events()).map(({ event }) => event)).toEqual(['fits']);
  expect(bench.errors).toMatchObject([{ code: 'event_too_large', count: 1 }]);
});

test('only the event is dropped if an event has megabytes', async () => {
  const analytics = await waiting(100);
  analytics.track({ userId: 'u', event: 'before' });
  analytics.track({ userId: 'u', event: 'huge', properties: { filler: 'ä'.repeat(5_000_000) } });
  analytics.track({ userId: 'u', event: 'after' });
  flushed(analytics);
  expect((await bench.api.events()).map(({ event }) => event)).toEqual(['before', 'after']);
  expect(bench.errors).toMatchObject([{ code: 'event_too_large', events: [{ event: 'huge' }] }]);
});

test.each([
  ['under', 499_999, [20]],
  ['at', 500_000, [20]],
  ['over', 500_001, [19, 1]],
])('a body %s 500,000 bytes', async (_, bytes, expected) => {
  const each = 25_600;
  const last = bytes - ENVELOPE - 19 * (each + 1);
  const analytics = await waiting(100);
  for (const size of [...upTo(19).map(() => each), last]) analytics.track(eventOfBytes(size, 'ä'));
  flushed(analytics);
  const requests = await bench.api.requests();
  expect(requests.map(({ eventCount }) => eventCount)).toEqual(expected);
  if (bytes <= MAX_BODY_BYTES) expect(requests[0]?.plainBytes).toBe(bytes);
  for (const { plainBytes } of requests) expect(plainBytes).toBeLessThanOrEqual(MAX_BODY_BYTES);
  const { bytes: counted } = analytics.stats();
  expect(counted).toBeGreaterThan(bytes);
});

test.each([1, 2, 99, 100, 2_500])('a batchSize of %d: below, at and above it', async (batchSize) => {
  const analytics = await waiting(batchSize);
  const send = async (count: number): Promise<number[]> => {
    await bench.api.reset();
    for (const _ of upTo(count)) analytics.track({ userId: 'u', event: 'e' });
    flushed(analytics);
    return sizesOfRequests();
  };
  expect(await send(batchSize + 1)).toEqual([batchSize, 1]);
  expect(await send(batchSize)).toEqual([batchSize]);
  if (batchSize > 1) expect(await send(batchSize - 1)).toEqual([batchSize - 1]);
});

test('2,500 small events are one request within the size limit', async () => {
  const analytics = await waiting(2_500);
  for (const _ of upTo(2_500)) analytics.track({ userId: 'u', event: 'e' });
  flushed(analytics);
  const { biggestBatch, biggestBody, requests } = await bench.api.counts();
  expect({ biggestBatch, requests }).toEqual({ biggestBatch: 2_500, requests: 1 });
  expect(biggestBody).toBeLessThanOrEqual(MAX_BODY_BYTES);
});

test('generated events keep to all limits and their order', async () => {
  const random = fc.sample(fc.integer({ min: 200, max: 33_500 }), { seed: 7, numRuns: 400 });
  const analytics = bench.open({ batchSize: 40 });
  const ids = random.map((bytes) => {
    const event = eventOfBytes(bytes);
    analytics.track(event);
    return event.messageId;
  });
  flushed(analytics);
  const fitting = ids.filter((_, index) => (random[index] ?? 0) <= MAX_EVENT_BYTES);
  expect(fitting.length).toBeLessThan(ids.length);
  expect(await bench.api.messageIds()).toEqual(fitting);
  const { refused, biggestBatch, biggestBody, duplicates } = await bench.api.counts();
  expect({ refused, duplicates }).toEqual({ refused: 0, duplicates: 0 });
  expect(biggestBatch).toBeLessThanOrEqual(40);
  expect(biggestBody).toBeLessThanOrEqual(MAX_BODY_BYTES);
});
