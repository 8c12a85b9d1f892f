// Attempts and pauses of one batch, to the millisecond, on a clock that the test moves: what a flush changes about them.

import { Queue } from '@offthread/worker/batch/queue';
import { Delivery } from '@offthread/worker/delivery/delivery';
import type { judge } from '@offthread/worker/delivery/retry';
import { FRAME_HEADER_BYTES, KIND, type Outcome } from '@offthread/worker/protocol';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { deliverySettings } from '../helpers/sender.js';

type Response = Parameters<typeof judge>[0];

const OK: Response = { type: 'reply', status: 200, text: '', sent: true };
const DOWN: Response = { type: 'reply', status: 503, text: '' };

/** Without jitter, backoffs of these milliseconds follow one another. */
const BACKOFFS = [500, 1_000, 2_000];
/** When attempts are made if nobody flushes. */
const DUE = [0, 500, 1_500, 3_500];

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'] });
  vi.spyOn(Math, 'random').mockReturnValue(1);
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

/** One event on its way to an API that answers as told. */
function deliver(answer: (attempt: number) => Response | Promise<Response>, maxRetries = BACKOFFS.length) {
  const start = performance.now();
  const now = (): number => Math.round(performance.now() - start);
  /** When requests began, and what their X-Retry-Count said. */
  const attempts: number[] = [];
  const counts: number[] = [];
  const ends: { readonly at: number; readonly outcome: Outcome }[] = [];
  const queue = new Queue(0, { idPrefix: 'id-', library: '{}' });
  const text = Buffer.from('{"type":"track"}');
  const slab = Buffer.from(new SharedArrayBuffer(FRAME_HEADER_BYTES + text.length));
  slab.writeUInt32LE(text.length, 0);
  slab.writeUInt32LE(KIND.whole, 4);
  text.copy(slab, FRAME_HEADER_BYTES);
  const memory = slab.buffer as SharedArrayBuffer;
  queue.push({ memory, start: 0, end: slab.length, first: 1, last: 1 });
  const delivery = new Delivery(
    queue,
    { ...deliverySettings, maxRetries, maxRetryDuration: 600_000 },
    async () => ({ type: 'authorized', check: (response) => response }),
    async (_body, retry) => {
      attempts.push(now());
      counts.push(retry);
      return answer(attempts.length);
    },
    {
      onOutcome: (outcome) => ends.push({ at: now(), outcome }),
      onBatchStart() {},
      onRequest() {},
      onRetry() {},
      onPostponed() {},
      onRetryAfter() {},
    },
  );
  delivery.wake();
  return { attempts, counts, ends, hurry: () => delivery.flush(), go: vi.advanceTimersByTimeAsync };
}

describe('a flush during a backoff', () => {
  test('makes one attempt at once, and the backoff ends when it would have', async () => {
    const { attempts, counts, ends, hurry, go } = deliver(() => DOWN);
    await go(100);
    hurry();
    await go(100);
    // The one attempt of this backoff has been made.
    hurry();
    await go(400);
    hurry();
    await go(10_000);
    expect(attempts).toEqual([0, 100, 500, 600, 1_500, 3_500]);
    expect(counts).toEqual([0, 1, 2, 3, 4, 5]);
    expect(ends).toMatchObject([{ at: 3_500, outcome: { code: 'retries_exhausted', attempts: 6 } }]);
  });

  test('has the batch delivered if the API is up again, and the next backoff is a new one', async () => {
    const { attempts, ends, hurry, go } = deliver((attempt) => (attempt === 2 ? OK : DOWN));
    await go(100);
    hurry();
    await go(1);
    expect(attempts).toEqual([0, 100]);
    expect(ends).toMatchObject([{ at: 100, outcome: { type: 'delivered' } }]);
  });

  test('makes no other attempt if a request is out, which is one', async () => {
    const { attempts, hurry, go } = deliver(
      (attempt) => new Promise((resolve) => setTimeout(resolve, attempt === 1 ? 50 : 0, DOWN)),
    );
    await go(20);
    hurry();
    await go(200);
    hurry();
    await go(400);
    expect(attempts).toEqual([0, 220, 550]);
  });

  test('that comes while its attempt is out changes nothing', async () => {
    const { attempts, hurry, go } = deliver(
      (attempt) => new Promise((resolve) => setTimeout(resolve, attempt === 2 ? 200 : 0, DOWN)),
    );
    await go(100);
    hurry();
    await go(100);
    hurry();
    await go(1_250);
    expect(attempts).toEqual([0, 100, 500]);
  });

  test('is followed at once by the attempt that was due meanwhile', async () => {
    const { attempts, hurry, go } = deliver(
      (attempt) => new Promise((resolve) => setTimeout(resolve, attempt === 2 ? 5_000 : 0, DOWN)),
    );
    await go(100);
    hurry();
    await go(5_500);
    // The least that a timer takes is 1 ms.
    expect(attempts).toEqual([0, 100, 5_101]);
  });

  test('is free: however many there are, no attempt that is due is lost or moved', async () => {
    const pauses = fc.array(fc.integer({ min: 1, max: 900 }), { maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(pauses, async (given) => {
        const { attempts, counts, ends, hurry, go } = deliver(() => DOWN);
        for (const pause of given) {
          await go(pause);
          hurry();
        }
        await go(10_000);
        expect([...new Set(attempts.filter((at) => DUE.includes(at)))]).toEqual(DUE);
        expect(counts).toEqual(attempts.map((_, index) => index));
        for (const [index, due] of DUE.entries()) {
          // The one that is due, and one of a flush, which may come in the same millisecond.
          const next = DUE[index + 1] ?? due;
          expect(attempts.filter((at) => at >= due && at < next).length).toBeLessThanOrEqual(2);
        }
        expect(ends).toMatchObject([{ at: 3_500, outcome: { code: 'retries_exhausted' } }]);
      }),
      { numRuns: 200 },
    );
  });
});
