// On a link that can't upload a full batch within requestTimeout, batches shrink until it can, and grow again. If the
// server doesn't reply, batches don't shrink.

import { startTrackingApi, type TrackingApi } from '@offthread/devtools';
import { UploadLimit } from '@offthread/worker/delivery/upload-limit';
import { isSlow } from '@offthread/worker/http/upload';
import { MAX_BODY_BYTES } from '@offthread/worker/limits';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { startLink } from '../helpers/middlebox.js';
import { Trial } from '../helpers/trial.js';

/** Events of 2 KB, mostly filler. */
const FILLER = { filler: 'x'.repeat(1_900) };

/** The number of events in each request that the API accepted, and the ids in the order of their first arrival. */
async function received(api: TrackingApi): Promise<{ sizes: number[]; ids: string[] }> {
  const requests = (await api.requests()).filter(({ accepted }) => accepted);
  return {
    sizes: requests.map(({ eventCount }) => eventCount),
    ids: [...new Set(requests.flatMap(({ messageIds }) => messageIds))],
  };
}

// All of these wait for timers, so they run at the same time. Each has its own API.
const LIMIT = { timeout: 120_000 };

describe('a link of 75 KB/s and a requestTimeout of 2 s', () => {
  // 100 events have 210 KB, which take nearly three seconds.
  test.concurrent.each([
    ['with ten retries', {}],
    ['with two retries, which are enough to halve a batch', { maxRetries: 2 }],
    ['with requests of half a megabyte', { batchSize: 2_500, maxRetries: 4 }],
  ])('deliver everything in order, %s', LIMIT, async (_name, settings) => {
    await using api = await startTrackingApi();
    await using link = await startLink(api.port, { bytesPerSecond: 75_000 });
    await using trial = new Trial({
      host: `http://127.0.0.1:${link.port}`,
      requestTimeout: 2_000,
      ...settings,
    });
    const ids = trial.track(250, 'Thing Done', FILLER);
    expect(await trial.flushAsync(100_000)).toMatchObject({ status: 'ok', pending: 0 });
    expect(trial.errors).toEqual([]);
    const { sizes, ids: got } = await received(api);
    expect(got).toEqual(ids);
    // No smaller than necessary: on average, a quarter of what fits.
    expect(sizes.length).toBeLessThan(16);
    await trial.balance(api);
  });
});

test.concurrent('a link that becomes fast gets full batches again', LIMIT, async () => {
  await using api = await startTrackingApi();
  await using link = await startLink(api.port, { bytesPerSecond: 100_000, fastAfterMs: 6_000 });
  await using trial = new Trial({ host: `http://127.0.0.1:${link.port}`, requestTimeout: 2_000 });
  // 100 of them take three seconds. Loopback transfers in steps of 64 KB, two of which happen between the two
  // measurements.
  const ids = trial.track(1_000, 'Thing Done', { filler: 'x'.repeat(2_900) });
  expect(await trial.flushAsync(100_000)).toMatchObject({ status: 'ok', failed: 0 });
  const { sizes, ids: got } = await received(api);
  expect(got).toEqual(ids);
  expect(Math.min(...sizes.slice(1))).toBeLessThan(60);
  expect(sizes.slice(-3, -1)).toEqual([100, 100]);
});

test.concurrent("a server that reads a batch but doesn't reply in time gets the same batch again", {
  ...LIMIT,
}, async () => {
  await using api = await startTrackingApi();
  await using link = await startLink(api.port, {});
  // The first event doesn't linger. The others do until there are a hundred.
  await using trial = new Trial({
    host: `http://127.0.0.1:${link.port}`,
    requestTimeout: 1_500,
    linger: 60_000,
  });
  await api.script([{ type: 'ok' }, { type: 'hang', times: 3 }]);
  trial.track();
  await api.waitFor({ requests: 1 });
  const ids = trial.track(100, 'Thing Done', FILLER);
  expect(await trial.flushAsync(60_000)).toMatchObject({ status: 'ok', failed: 0 });
  const requests = await api.requests();
  expect(requests.map(({ eventCount }) => eventCount)).toEqual([1, 100, 100, 100, 100]);
  for (const { messageIds } of requests.slice(1)) expect(messageIds).toEqual(ids);
});

describe('an upload that timed out is slow', () => {
  const exact = (bytes: number): { bytes: number; isExact: boolean } => ({ bytes, isExact: true });
  const rough = (bytes: number): { bytes: number; isExact: boolean } => ({ bytes, isExact: false });

  test.each([
    ['if it was in progress and still is', exact(200_000), exact(60_000), true],
    ['if it was in progress and finished late', exact(40_000), exact(0), true],
    ['but not if everything arrived early', exact(0), exact(0), false],
    ["but not if nothing moved, because the other side doesn't read", exact(300_000), exact(300_000), false],
    ['but not if there was no connection at first', undefined, exact(300_000), false],
    ['but not if there is no connection', undefined, undefined, false],
    ['if part is unwritten, on a system that reports no more', rough(300_000), rough(300_000), true],
    ['but not if everything was written early, on a system that reports no more', rough(0), rough(0), false],
  ])('%s', (_name, early, end, expected) => {
    expect(isSlow(early, end)).toBe(expected);
  });
});

describe('the limit', () => {
  /** Sends full bodies over a link that can upload `capacity` bytes in time. Returns the sizes that were tried. */
  function run(limit: UploadLimit, capacity: number, count: number): number[] {
    return Array.from({ length: count }, () => {
      const { bytes } = limit;
      if (bytes > capacity) limit.slow(bytes);
      else limit.delivered(bytes);
      return bytes;
    });
  }

  test("is the API's until an upload is too slow, and then half of the upload's size", () => {
    const limit = new UploadLimit();
    expect(run(limit, MAX_BODY_BYTES, 3)).toEqual([MAX_BODY_BYTES, MAX_BODY_BYTES, MAX_BODY_BYTES]);
    limit.slow(200_000);
    expect(limit.bytes).toBe(100_000);
  });

  test("doubles after a success of that size, up to the API's limit", () => {
    const limit = new UploadLimit();
    limit.slow(100_000);
    expect(run(limit, MAX_BODY_BYTES, 6)).toEqual([50_000, 100_000, 200_000, 400_000, 500_000, 500_000]);
  });

  test("doesn't grow after a small body, which says nothing about a large one", () => {
    const limit = new UploadLimit();
    limit.slow(100_000);
    limit.delivered(2_000);
    expect(limit.bytes).toBe(50_000);
  });

  test('grows less often the more often it was too large, because each failure costs a requestTimeout', () => {
    const sizes = run(new UploadLimit(), 150_000, 200);
    const tooMuch = sizes.filter((bytes) => bytes > 150_000).length;
    expect(tooMuch).toBeLessThan(12);
    expect(run(new UploadLimit(), 150_000, 7)).toEqual([
      500_000, 250_000, 125_000, 250_000, 125_000, 125_000, 250_000,
    ]);
  });

  test("is at least one byte and at most the API's limit, whatever the link does", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 100, max: MAX_BODY_BYTES }))),
        (steps) => {
          const limit = new UploadLimit();
          for (const [isSlow, bytes] of steps) {
            const before = limit.bytes;
            if (isSlow) limit.slow(Math.min(bytes, before));
            else limit.delivered(Math.min(bytes, before));
            expect(limit.bytes).toBeGreaterThan(0);
            expect(limit.bytes).toBeLessThanOrEqual(MAX_BODY_BYTES);
            if (isSlow) expect(limit.bytes).toBeLessThan(Math.max(before, 2));
            else expect(limit.bytes).toBeGreaterThanOrEqual(before);
          }
          // The link recovers.
          run(limit, MAX_BODY_BYTES, 2_000);
          expect(limit.bytes).toBe(MAX_BODY_BYTES);
        },
      ),
    );
  });
});
