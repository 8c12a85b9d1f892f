// Channels of node:diagnostics_channel: what they publish, to whom, and that they agree with the counters.
import { channel, subscribe, unsubscribe } from 'node:diagnostics_channel';
import { type Analytics, AnalyticsError, type DiagnosticMessages } from '@offthread/sdk';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { runProgram } from '../helpers/program.js';
import { expectBalanced, flushed, upTo, withApi } from '../helpers/with-api.js';

const bench = withApi();

type Name = keyof DiagnosticMessages;

const NAMES: readonly Name[] = [
  'offthread:delivered',
  'offthread:postponed',
  'offthread:retried',
  'offthread:failed',
  'offthread:dropped',
  'offthread:refused',
  'offthread:worker-restarted',
];

const published: { name: Name; message: unknown }[] = [];
const listeners = NAMES.map((name) => ({
  name,
  listen: (message: unknown): unknown => published.push({ name, message }),
}));

beforeEach(() => {
  for (const { name, listen } of listeners) subscribe(name, listen);
});
afterEach(() => {
  for (const { name, listen } of listeners) unsubscribe(name, listen);
  published.length = 0;
});

describe('a subscriber', () => {
  test('receives delivered events with their client', () => {
    const [one, other] = [bench.open({ batchSize: 2 }), bench.open()];
    for (const _ of upTo(5)) one.track({ userId: 'u', event: 'e' });
    flushed(one);
    other.track({ userId: 'u', event: 'e' });
    flushed(other);
    expect(new Set(published.map(({ name }) => name))).toEqual(new Set(['offthread:delivered']));
    expect(sum(one)).toBe(5);
    expect(sum(other)).toBe(1);
  });

  test('receives failed and dropped events with their error', async () => {
    await bench.api.script([{ type: 'answer', status: 403 }]);
    // With redact, the worker reports events that are too large, after the call.
    const analytics = bench.open({ redact: ['properties.secret'] });
    analytics.track({ userId: 'u', event: 'e', messageId: 'forbidden' });
    flushed(analytics);
    analytics.track({
      userId: 'u',
      event: 'e',
      messageId: 'large',
      properties: { filler: 'x'.repeat(40_000) },
    });
    flushed(analytics);
    expect(published).toEqual([
      { name: 'offthread:failed', message: { analytics, count: 1, error: bench.errors[0] } },
      { name: 'offthread:dropped', message: { analytics, count: 1, error: bench.errors[1] } },
    ]);
    expect(bench.errors).toMatchObject([
      { code: 'rejected', status: 403, events: [{ messageId: 'forbidden' }] },
      { code: 'event_too_large', events: [{ messageId: 'large' }] },
    ]);
    expect(bench.errors[0]).toBeInstanceOf(AnalyticsError);
  });

  test('receives each retry with its reason', async () => {
    await bench.api.script([
      { type: 'answer', status: 503, body: 'busy' },
      { type: 'drop', after: 'body' },
      { type: 'answer', status: 429, headers: { 'retry-after': '1' } },
    ]);
    const analytics = bench.open();
    for (const _ of upTo(3)) analytics.track({ userId: 'u', event: 'e' });
    await analytics.flushAsync(20_000);
    const retries = published
      .filter(({ name }) => name === 'offthread:retried')
      .map(({ message }) => message);
    expect(retries).toEqual([
      { analytics, count: expect.any(Number), attempts: 1, status: 503, message: 'status 503, busy' },
      { analytics, count: expect.any(Number), attempts: 2, status: undefined, message: expect.any(String) },
      { analytics, count: expect.any(Number), attempts: 3, status: 429, message: expect.any(String) },
    ]);
    expect(analytics.stats()).toMatchObject({ retries: 3, delivered: 3 });
    const [first] = await bench.api.requests();
    expect(sum(analytics, 'offthread:retried')).toBe(3 * (first?.eventCount ?? 0));
  });

  test('receives each failed request that will be retried, before the retry', async () => {
    await bench.api.script([
      { type: 'ok' },
      { type: 'answer', status: 503, body: 'busy' },
      { type: 'answer', status: 429, headers: { 'retry-after': '60' }, body: 'slow' },
    ]);
    const analytics = bench.open({ batchSize: 1 });
    for (const _ of upTo(2)) analytics.track({ userId: 'u', event: 'e' });
    await bench.api.waitFor({ requests: 3 });
    await expect.poll(() => published.filter(({ name }) => name === 'offthread:postponed')).toHaveLength(2);
    expect(published).toEqual([
      // In this order, so that a delivery of another batch doesn't look like the end of the outage.
      { name: 'offthread:delivered', message: { analytics, count: 1 } },
      {
        name: 'offthread:postponed',
        message: { analytics, count: 1, attempts: 1, status: 503, message: 'status 503, busy' },
      },
      {
        name: 'offthread:retried',
        message: { analytics, count: 1, attempts: 1, status: 503, message: 'status 503, busy' },
      },
      {
        name: 'offthread:postponed',
        message: { analytics, count: 1, attempts: 2, status: 429, message: 'status 429, slow' },
      },
    ]);
  });

  test('receives each refusal, although onError gets only the first', async () => {
    const analytics = bench.open({ maxQueueSize: 1, stub: true });
    for (const _ of upTo(4)) analytics.track({ userId: 'u', event: 'e' });
    flushed(analytics);
    published.length = 0;
    await analytics.close();
    analytics.identify({ userId: 'u' });
    expect(bench.errors.filter(({ code }) => code === 'queue_full')).toHaveLength(2);
    expect(published).toEqual([
      { name: 'offthread:refused', message: { analytics, count: 1, code: 'closed', type: 'identify' } },
    ]);
    expect(analytics.stats().refused).toEqual({ queue_full: 3, closed: 1 });
  });

  test('finds the counters up to date, and may track and flush', () => {
    const analytics = bench.open();
    const seen: number[] = [];
    const again = (): void => {
      seen.push(analytics.stats().delivered);
      expectBalanced(analytics.stats());
      if (seen.length > 1) return;
      analytics.track({ userId: 'u', event: 'again' });
      flushed(analytics);
    };
    subscribe('offthread:delivered', again);
    try {
      analytics.track({ userId: 'u', event: 'e' });
      flushed(analytics);
    } finally {
      unsubscribe('offthread:delivered', again);
    }
    expect(seen).toEqual([1, 2]);
  });

  test('receives everything that is counted', async () => {
    // Late, so that no event makes room for another one.
    await bench.api.script([{ type: 'answer', status: 403, delayMs: 500 }]);
    const analytics = bench.open({ batchSize: 10, maxQueueSize: 100 });
    for (const _ of upTo(150)) analytics.track({ userId: 'u', event: 'e' });
    flushed(analytics);
    const { delivered, failed, refused } = analytics.stats();
    expect(sum(analytics, 'offthread:delivered')).toBe(delivered);
    expect(sum(analytics, 'offthread:failed')).toBe(failed);
    expect(sum(analytics, 'offthread:refused')).toBe(refused.queue_full);
    expect(Math.min(delivered, failed, refused.queue_full ?? 0)).toBeGreaterThan(0);
  });

  test.each([
    { manner: 'throw', error: 'thrown in the worker' },
    { manner: 'exit', error: 'undefined' },
  ])(
    'receives the replacement of the worker thread ($manner), but not its normal end, and may flush',
    async ({ manner, error }) => {
      const ended = await runProgram('restarted.mjs', { args: [bench.api.url, manner] });
      expect(ended).toMatchObject({ code: 0, stderr: '' });
      expect(ended.lines).toEqual([
        { restarted: expect.stringContaining(error), pending: 0 },
        { status: 'ok', delivered: 1 },
        { next: 'ok' },
      ]);
    },
  );
});

test('the package itself subscribes to nothing', () => {
  for (const { name, listen } of listeners) {
    unsubscribe(name, listen);
    expect(channel(name).hasSubscribers).toBe(false);
    subscribe(name, listen);
  }
});

/** Adds up the counts of a client's messages. */
function sum(analytics: Analytics, name: Name = 'offthread:delivered'): number {
  let total = 0;
  for (const each of published) {
    const { message } = each as { message: DiagnosticMessages['offthread:delivered'] };
    if (each.name === name && message.analytics === analytics) total += message.count;
  }
  return total;
}
