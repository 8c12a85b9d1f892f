// How long events wait for others, on a fake clock.
import { Delivery, type DeliveryQueue } from '@offthread/worker/delivery/delivery';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { deliverySettings } from '../helpers/sender.js';

const LINGER_MS = 5_000;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'] });
  vi.advanceTimersByTime(1_000);
});
afterEach(() => {
  vi.useRealTimers();
});

/** A queue that finds an event when the given look comes, counted from 1. */
class FakeQueue implements DeliveryQueue {
  readonly isFilling = false;
  readonly bytes = 0;
  looks = 0;
  #at: number[];
  #first = 1;
  #last = 0;

  constructor(...at: number[]) {
    this.#at = at;
  }

  get length(): number {
    return this.#last - this.#first + 1;
  }

  get next(): number {
    return this.length > 0 ? this.#first : Number.POSITIVE_INFINITY;
  }

  get last(): number {
    return this.#last;
  }

  look(): boolean {
    this.looks++;
    if (!this.#at.includes(this.looks)) return false;
    this.#last++;
    return true;
  }

  peek(): ReturnType<DeliveryQueue['peek']> {
    if (this.length === 0) return undefined;
    const memory = Buffer.from('{"type":"track"}');
    return { sequence: this.#first, text: { head: '', memory, start: 0, end: memory.length } };
  }

  shift(): ReturnType<DeliveryQueue['shift']> {
    const frame = this.peek();
    if (frame !== undefined) this.#first++;
    return frame;
  }

  clear(): void {
    this.#first = this.#last + 1;
  }
}

/** Delivers the events of a queue to an API that accepts them, and returns when requests were made. */
function deliver(queue: FakeQueue): { delivery: Delivery; requests: number[] } {
  const start = performance.now();
  const requests: number[] = [];
  const delivery = new Delivery(
    queue,
    { ...deliverySettings, linger: LINGER_MS },
    async () => ({ type: 'authorized', check: (response) => response }),
    async () => {
      requests.push(Math.round(performance.now() - start));
      return { type: 'reply', status: 200, text: '', sent: true };
    },
    { onOutcome() {}, onBatchStart() {}, onRequest() {}, onRetry() {}, onPostponed() {}, onRetryAfter() {} },
  );
  return { delivery, requests };
}

test('only the very first event does not linger', async () => {
  const { delivery, requests } = deliver(new FakeQueue(1));
  delivery.look();
  await vi.advanceTimersByTimeAsync(1_000);
  expect(requests).toEqual([0]);
});

test.each([1, 2, 3, 4])('an event that is found %i looks after the first lingers', async (after) => {
  const first = new FakeQueue(1);
  const alone = deliver(first);
  alone.delivery.look();
  await vi.advanceTimersByTimeAsync(0);
  expect(alone.requests).toHaveLength(1);

  const { delivery, requests } = deliver(new FakeQueue(1, first.looks - 1 + after));
  delivery.look();
  for (let waited = 0; waited < LINGER_MS - 100; waited += 100) {
    await vi.advanceTimersByTimeAsync(100);
    delivery.look();
  }
  expect(requests).toEqual([0]);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(requests).toHaveLength(2);
});
