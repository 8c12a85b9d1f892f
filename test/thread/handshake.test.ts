// Events and outcomes pass between the threads a hundred thousand times without a lost wakeup.
import { Analytics } from '@offthread/sdk';
import { afterEach, describe, expect, test } from 'vitest';
import { expectBalanced, withApi } from '../helpers/with-api.js';

/**
 * A flush that misses a wakeup checks again after 100 ms or slightly more. A busy machine can delay a thread too, but
 * rarely by exactly that time.
 */
const UNWOKEN_MS = [99, 108] as const;

/** Of 100,000 rounds, 15 to 27 missed a wakeup when the flush read its word after the port instead of before. */
const MOST_UNWOKEN = 7;

const bench = withApi();
let stubbed: Analytics | undefined;
afterEach(() => stubbed?.close());

/** A client that answers its requests itself: as fast as the threads can exchange messages. */
function stub(): Analytics {
  stubbed = new Analytics({ writeKey: 'KEY', stub: true });
  return stubbed;
}

function track(analytics: Analytics): void {
  analytics.track({ userId: 'u', event: 'Handshake' });
}

/** The number of rounds that took as long as a missed wakeup. */
function unwokenOf(rounds: number, round: (index: number) => { status: string; elapsedMs: number }): number {
  let unwoken = 0;
  for (let index = 0; index < rounds; index++) {
    const { status, elapsedMs } = round(index);
    if (status !== 'ok') throw new Error(`round ${index}: ${status}`);
    if (elapsedMs >= UNWOKEN_MS[0] && elapsedMs < UNWOKEN_MS[1]) unwoken++;
  }
  return unwoken;
}

describe('no wakeup is lost in', () => {
  test('100,000 rounds of one event and a flush', { timeout: 120_000 }, () => {
    const analytics = stub();
    const unwoken = unwokenOf(100_000, () => {
      track(analytics);
      return analytics.flush(20_000);
    });
    expect(analytics.stats()).toMatchObject({ accepted: 100_000, delivered: 100_000, pending: 0 });
    expect(unwoken).toBeLessThanOrEqual(MOST_UNWOKEN);
  });

  test('20,000 rounds of up to thirty events and a flush', { timeout: 120_000 }, () => {
    const analytics = stub();
    let accepted = 0;
    const unwoken = unwokenOf(20_000, (index) => {
      for (let n = 0; n <= index % 30; n++, accepted++) track(analytics);
      return analytics.flush(20_000);
    });
    expect(analytics.stats()).toMatchObject({ accepted, delivered: accepted, pending: 0 });
    expect(unwoken).toBeLessThanOrEqual(MOST_UNWOKEN);
  });

  test('3,000 rounds of an event over the network and a flush', { timeout: 120_000 }, async () => {
    const analytics = bench.open();
    const unwoken = unwokenOf(3_000, () => {
      track(analytics);
      return analytics.flush(20_000);
    });
    expect(await bench.api.counts()).toMatchObject({ events: 3_000, duplicates: 0 });
    expect(unwoken).toBeLessThanOrEqual(MOST_UNWOKEN);
  });

  test('10,000 rounds of a blocking flush in the middle of asynchronous ones', {
    timeout: 120_000,
  }, async () => {
    const analytics = stub();
    let unwoken = 0;
    for (let round = 0; round < 10_000; round++) {
      track(analytics);
      const before = analytics.flushAsync(20_000);
      track(analytics);
      unwoken += unwokenOf(round % 2, () => analytics.flush(20_000));
      track(analytics);
      const results = await Promise.all([before, analytics.flushAsync(20_000)]);
      expect(results).toMatchObject([
        { status: 'ok', pending: 0 },
        { status: 'ok', pending: 0 },
      ]);
    }
    expect(analytics.stats()).toMatchObject({ accepted: 30_000, delivered: 30_000, pending: 0 });
    expectBalanced(analytics.stats());
    expect(unwoken).toBeLessThanOrEqual(MOST_UNWOKEN);
  });

  test('20,000 rounds of an event of each of ten clients and a flush of one', {
    timeout: 120_000,
  }, async () => {
    const clients = Array.from({ length: 10 }, () => new Analytics({ writeKey: 'KEY', stub: true }));
    const unwoken = unwokenOf(20_000, (index) => {
      for (const each of clients) track(each);
      return (clients[index % 10] as Analytics).flush(20_000);
    });
    for (const each of clients) {
      expect(each.flush(20_000).status).toBe('ok');
      expect(each.stats()).toMatchObject({ accepted: 20_000, delivered: 20_000, pending: 0 });
      await each.close();
    }
    expect(unwoken).toBeLessThanOrEqual(MOST_UNWOKEN);
  });
});
