// The test client: it records what would be sent, refuses what would be refused, and its matchers have helpful
// messages.
import { Analytics, type AnalyticsError, ValidationError } from '@offthread/sdk';
import { createTestAnalytics } from '@offthread/sdk/testing';
import { matchers as jestMatchers } from '@offthread/sdk/testing/jest';
import { matchers } from '@offthread/sdk/testing/vitest';
import { Decimal } from 'decimal.js';
import { expect as jestExpect } from 'expect';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { eventOfBytes } from '../helpers/exact-event.js';
import { call, refusal } from '../helpers/untyped.js';
import { expectBalanced, upTo } from '../helpers/with-api.js';

expect.extend(matchers);
jestExpect.extend(jestMatchers);

afterEach(() => {
  vi.useRealTimers();
});

/** Returns the message that `act` fails with, without colours. */
function failure(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what colours are made of.
    if (error instanceof Error) return error.message.replaceAll(/\u001b\[\d+m/g, '');
  }
  return expect.fail('it passed');
}

describe('the record', () => {
  test('has an event as soon as the call returns, as it would be sent', () => {
    const analytics = createTestAnalytics();
    expect(analytics).toBeInstanceOf(Analytics);
    const properties = { revenue: new Decimal('39.95'), order: 2n ** 70n, at: new Date(0) };
    expect(analytics.track({ userId: 7, event: 'Order Completed', properties })).toBe(true);
    expect(analytics.events).toEqual([
      {
        type: 'track',
        messageId: expect.any(String),
        timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
        context: { library: { name: '@offthread/sdk', version: expect.any(String) } },
        userId: '7',
        event: 'Order Completed',
        properties: {
          revenue: '39.95',
          order: '1180591620717411303424',
          at: '1970-01-01T00:00:00.000Z',
        },
      },
    ]);
  });

  test('is a snapshot from the time of the call', () => {
    const analytics = createTestAnalytics();
    const properties = { step: 1 };
    analytics.track({ userId: 'u', event: 'e', properties });
    properties.step = 2;
    expect(analytics.tracks[0]?.properties).toEqual({ step: 1 });
  });

  test('has the events of each type, and all of them in order', () => {
    const analytics = createTestAnalytics();
    analytics.identify({ userId: 'u' });
    analytics.track({ userId: 'u', event: 'e' });
    analytics.page({ userId: 'u' });
    analytics.screen({ userId: 'u', name: 'n' });
    analytics.group({ userId: 'u', groupId: 'g' });
    analytics.alias({ userId: 'u', previousId: 'p' });
    analytics.track({ userId: 'u', event: 'f' });
    const { identifies, tracks, pages, screens, groups, aliases, events } = analytics;
    expect([identifies, pages, screens, groups, aliases].map((each) => each.length)).toEqual([1, 1, 1, 1, 1]);
    expect(tracks.map(({ event }) => event)).toEqual(['e', 'f']);
    expect(analytics.byType('track')).toEqual(tracks);
    expect(events.map(({ type }) => type)).toEqual([
      ...['identify', 'track', 'page', 'screen', 'group', 'alias', 'track'],
    ]);
  });

  test('is empty after reset(), but the counters are not reset', () => {
    const analytics = createTestAnalytics();
    analytics.track({ userId: 'u', event: 'e' });
    const before = analytics.events;
    analytics.reset();
    expect(analytics.events).toEqual([]);
    expect(before).toHaveLength(1);
    analytics.track({ userId: 'u', event: 'f' });
    expect(analytics.tracks.map(({ event }) => event)).toEqual(['f']);
    expect(analytics.stats().accepted).toBe(2);
  });

  test('accepts events of an error again', () => {
    const analytics = createTestAnalytics();
    analytics.track({ userId: 'u', event: 'e', messageId: 'm' });
    const [saved] = analytics.events;
    analytics.reset();
    expect(analytics.resend([{ ...saved }])).toBe(1);
    expect(analytics.events).toEqual([saved]);
  });
});

describe('checks and limits', () => {
  test('throw what a client in production throws', () => {
    const analytics = createTestAnalytics();
    expect(refusal(() => call(analytics, 'track', { event: 'e' })).code).toBe('invalid_event');
    expect(
      refusal(() => call(analytics, 'track', { userId: 'u', event: 'e', propertis: {} })).message,
    ).toContain("did you mean 'properties'?");
    expect(() => createTestAnalytics({ batchSize: 0 })).toThrow(ValidationError);
    expect(analytics.events).toEqual([]);
  });

  test('refuse what cannot be written as JSON', () => {
    const errors: AnalyticsError[] = [];
    const analytics = createTestAnalytics({ onError: (error) => errors.push(error) });
    const cycle: Record<string, unknown> = {};
    cycle['self'] = cycle;
    expect(analytics.track({ userId: 'u', event: 'e', properties: cycle })).toBe(false);
    expect(errors.map(({ code }) => code)).toEqual(['unserializable']);
    expect(analytics.stats()).toMatchObject({ accepted: 0, refused: { unserializable: 1 } });
  });

  test('refuse an event over 32 KB, with callback, error and count, and accept one of exactly 32 KB', () => {
    const errors: AnalyticsError[] = [];
    const called: unknown[] = [];
    const analytics = createTestAnalytics({ onError: (error) => errors.push(error) });
    const [fits, large] = [eventOfBytes(32 * 1024), eventOfBytes(32 * 1024 + 1)];
    expect(analytics.track(fits, (error) => called.push(error))).toBe(true);
    expect(analytics.track(large, (error) => called.push(error))).toBe(false);
    expect(analytics.events.map(({ messageId }) => messageId)).toEqual([fits.messageId]);
    expect(analytics.flush()).toMatchObject({ status: 'ok', pending: 0 });
    expect(called).toEqual([errors[0], undefined]);
    expect(errors).toMatchObject([{ code: 'event_too_large', events: [{ messageId: large.messageId }] }]);
    expect(analytics.stats()).toEqual({
      mode: 'test',
      accepted: 1,
      delivered: 1,
      failed: 0,
      left: 0,
      dropped: {},
      refused: { event_too_large: 1 },
      pending: 0,
      requests: 0,
      retries: 0,
      bytes: 0,
    });
  });

  test('refuse events if the queue is full, until the running code ends', async () => {
    const analytics = createTestAnalytics({ maxQueueSize: 3 });
    const track = (): boolean => analytics.track({ userId: 'u', event: 'e' });
    expect(upTo(4).map(track)).toEqual([true, true, true, false]);
    await null;
    expect(track()).toBe(true);
    expect(analytics.stats()).toMatchObject({ accepted: 4, delivered: 3, refused: { queue_full: 1 } });
  });

  test('refuse everything after close(), and the record is kept', async () => {
    const analytics = createTestAnalytics();
    analytics.track({ userId: 'u', event: 'e' });
    expect(await analytics.close()).toMatchObject({ status: 'ok', delivered: 1 });
    expect(analytics.track({ userId: 'u', event: 'f' })).toBe(false);
    expect(analytics.tracks).toHaveLength(1);
    expectBalanced(analytics.stats());
  });
});

describe('callbacks', () => {
  test('are called after the call, and by flush() before it returns', async () => {
    const analytics = createTestAnalytics();
    const called: string[] = [];
    analytics.track({ userId: 'u', event: 'e' }, () => called.push('by itself'));
    expect(called).toEqual([]);
    expect(analytics.stats().pending).toBe(1);
    await null;
    expect(called).toEqual(['by itself']);
    analytics.track({ userId: 'u', event: 'e' }, () => called.push('by flush'));
    analytics.flush(0);
    expect(called).toEqual(['by itself', 'by flush']);
    expect(analytics.stats()).toMatchObject({ delivered: 2, pending: 0 });
  });

  test('may flush and track, and each event settles once', async () => {
    const analytics = createTestAnalytics();
    const called: string[] = [];
    analytics.track({ userId: 'u', event: 'one' }, () => {
      called.push('one');
      analytics.track({ userId: 'u', event: 'three' }, () => called.push('three'));
      expect(analytics.flush().pending).toBe(0);
    });
    analytics.track({ userId: 'u', event: 'two' }, () => called.push('two'));
    await analytics.flushAsync();
    expect(called).toEqual(['one', 'two', 'three']);
    expect(analytics.stats()).toMatchObject({ accepted: 3, delivered: 3, pending: 0 });
  });

  test('are called, and flushAsync() ends, even if every timer is faked', async () => {
    vi.useFakeTimers({
      toFake: ['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask', 'performance', 'Date'],
    });
    const analytics = createTestAnalytics();
    const called = vi.fn();
    analytics.track({ userId: 'u', event: 'e' }, called);
    expect(await analytics.flushAsync()).toMatchObject({ status: 'ok', delivered: 1 });
    expect(called).toHaveBeenCalledWith(undefined);
  });
});

describe.each([
  { runner: 'Vitest', make: (given: unknown) => expect(given) },
  { runner: 'Jest', make: (given: unknown) => jestExpect(given) },
])('matchers of $runner', ({ make }) => {
  function shop() {
    const analytics = createTestAnalytics();
    analytics.identify({ userId: 42, traits: { plan: 'Free', address: { city: 'Oslo', zip: '0150' } } });
    analytics.track({
      userId: 42,
      event: 'Order Completed',
      properties: { revenue: '10.00', currency: 'NOK' },
    });
    analytics.track({
      userId: 42,
      event: 'Order Completed',
      properties: { revenue: new Decimal('39.95'), currency: 'EUR', products: [{ sku: 'a', price: 1 }] },
    });
    return analytics;
  }

  test('pass for an event with that name and at least those properties', () => {
    const analytics = shop();
    make(analytics).toHaveTracked('Order Completed');
    make(analytics).toHaveTracked('Order Completed', { revenue: '39.95' });
    make(analytics).toHaveTracked('Order Completed', {
      revenue: expect.any(String),
      products: [{ sku: 'a' }],
    });
    make(analytics).not.toHaveTracked('Order Completed', { revenue: 39.95 });
    make(analytics).not.toHaveTracked('Order Completed', { revenue: '10.00', currency: 'EUR' });
    make(analytics).not.toHaveTracked('Order Completed', { coupon: 'x' });
    make(analytics).not.toHaveTracked('Order Cancelled');
  });

  test('pass for a user identified with at least those traits', () => {
    const analytics = shop();
    analytics.identify({ anonymousId: 'anonymous' });
    make(analytics).toHaveIdentified('42');
    make(analytics).toHaveIdentified(42, { address: { city: 'Oslo' } });
    make(analytics).toHaveIdentified('anonymous', {});
    make(analytics).not.toHaveIdentified('anonymous', { plan: 'Free' });
    make(analytics).not.toHaveIdentified(43);
  });

  test('show only how the closest event differs', () => {
    const message = failure(() =>
      make(shop()).toHaveTracked('Order Completed', { revenue: '40.00', products: [{ sku: 'a', price: 1 }] }),
    );
    expect(message).toContain(
      "Expected 'Order Completed' to be tracked with these properties; the nearest of 2 has:",
    );
    expect(message).toMatch(/-\s+"revenue": "40\.00"/);
    expect(message).toMatch(/\+\s+"revenue": "39\.95"/);
    expect(message).not.toContain('currency');
    const traits = failure(() => make(shop()).toHaveIdentified(42, { address: { city: 'Bergen' } }));
    expect(traits).toContain("Expected '42' to be identified with these traits; it has:");
    expect(traits).toMatch(/\+\s+"city": "Oslo"/);
    expect(traits).not.toContain('0150');
  });

  test('list the tracked events if none has that name', () => {
    const message = failure(() => make(shop()).toHaveTracked('Order Complete'));
    expect(message).toBe(
      "Expected 'Order Complete' to be tracked; only this was tracked; did you mean 'Order Completed'?\n  'Order Completed', 2 times",
    );
    expect(failure(() => make(createTestAnalytics()).toHaveTracked('Any Thing'))).toBe(
      "Expected 'Any Thing' to be tracked; nothing was tracked",
    );
  });

  test('show the event that should not have been tracked', () => {
    const message = failure(() => make(shop()).not.toHaveTracked('Order Completed', { currency: 'EUR' }));
    expect(message).toContain(
      "Expected 'Order Completed' not to be tracked with these properties; it was tracked once:",
    );
    expect(message).toContain('39.95');
  });

  test('explain when they are used on something else', () => {
    const message = failure(() => make({}).toHaveTracked('Order Completed'));
    expect(message).toContain('createTestAnalytics()');
  });
});
