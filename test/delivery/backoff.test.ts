// The attempts and pauses of one batch, to the millisecond, on a fake clock: what a flush changes.

import { Queue } from '@offthread/worker/batch/queue';
import { Delivery } from '@offthread/worker/delivery/delivery';
import type { judge } from '@offthread/worker/delivery/retry';
import { FRAME, FRAME_HEADER_BYTES, KIND, type Outcome, SLAB_HEADER_BYTES } from '@offthread/worker/protocol';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { deliverySettings } from '../helpers/sender.js';

type Response = Parameters<typeof judge>[0];

const OK: Response = { type: 'reply', status: 200, text: '', sent: true };
const DOWN: Response = { type: 'reply', status: 503, text: '' };

/** Without jitter, these are the successive backoffs in milliseconds. */
const BACKOFFS = [500, 1_000, 2_000];
/** When attempts are made without a flush. */
const DUE = [0, 500, 1_500, 3_500];

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'] });
  vi.spyOn(Math, 'random').mockReturnValue(1);
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

/** Delivers one event to an API that replies as given. */
function deliver(answer: (attempt: number) => Response | Promise<Response>, maxRetries = BACKOFFS.length) {
  const start = performance.now();
  const now = (): number => Math.round(performance.now() - start);
  /** Start times of requests and their X-Retry-Count. */
  const attempts: number[] = [];
  const counts: number[] = [];
  const ends: { readonly at: number; readonly outcome: Outcome }[] = [];
  const queue = new Queue(0, { idPrefix: 'id-', library: '{}' });
  const text = Buffer.from('{"type":"track"}');
  const memory = new SharedArrayBuffer(SLAB_HEADER_BYTES + FRAME_HEADER_BYTES + text.length);
  const slab = Buffer.from(memory, SLAB_HEADER_BYTES);
  slab.writeUInt32LE(text.length, FRAME.LENGTH);
  slab.writeUInt32LE(KIND.whole, FRAME.KIND);
  text.copy(slab, FRAME_HEADER_BYTES);
  queue.push({ memory, first: 1, end: memory.byteLength });
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
  test('makes one attempt at once, and the backoff ends when it would have ended anyway', async () => {
    const { attempts, counts, ends, hurry, go } = deliver(() => DOWN);
    await go(100);
    hurry();
    await go(100);
    // The early attempt of this backoff was made.
    hurry();
    await go(400);
    hurry();
    await go(10_000);
    expect(attempts).toEqual([0, 100, 500, 600, 1_500, 3_500]);
    expect(counts).toEqual([0, 1, 2, 3, 4, 5]);
    expect(ends).toMatchObject([{ at: 3_500, outcome: { code: 'retries_exhausted', attempts: 6 } }]);
  });

  test('delivers the batch if the API is up again, and the next backoff is a new one', async () => {
    const { attempts, ends, hurry, go } = deliver((attempt) => (attempt === 2 ? OK : DOWN));
    await go(100);
    hurry();
    await go(1);
    expect(attempts).toEqual([0, 100]);
    expect(ends).toMatchObject([{ at: 100, outcome: { type: 'delivered' } }]);
  });

  test('makes no extra attempt if a request is in flight', async () => {
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

  test('changes nothing while an early attempt is in flight', async () => {
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

  test('is followed at once by an attempt that became due in the meantime', async () => {
    const { attempts, hurry, go } = deliver(
      (attempt) => new Promise((resolve) => setTimeout(resolve, attempt === 2 ? 5_000 : 0, DOWN)),
    );
    await go(100);
    hurry();
    await go(5_500);
    // The minimum of a timer is 1 ms.
    expect(attempts).toEqual([0, 100, 5_101]);
  });

  test('is free: however many there are, no due attempt is lost or delayed', async () => {
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
          // The due attempt and the one of a flush may be made in the same millisecond.
          const next = DUE[index + 1] ?? due;
          expect(attempts.filter((at) => at >= due && at < next).length).toBeLessThanOrEqual(2);
        }
        expect(ends).toMatchObject([{ at: 3_500, outcome: { code: 'retries_exhausted' } }]);
      }),
      { numRuns: 200 },
    );
  });
});
