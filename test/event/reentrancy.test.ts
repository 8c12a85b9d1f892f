// Getters and toJSON run while an event is being written, and may use the client that writes it.
import type { Analytics, OutgoingEvent } from '@offthread/sdk';
import { describe, expect, test, vi } from 'vitest';
import { flushed, withApi } from '../helpers/with-api.js';

const bench = withApi();

const keepAll = (event: OutgoingEvent): OutgoingEvent => event;
const properties = (act: () => void): object => ({
  get total() {
    act();
    return 1;
  },
});

/** What a `beforeSend` adds to the outer event. */
let returned: Partial<OutgoingEvent> = {};

/**
 * The ways an event is written: as the rest of a text, as a whole text, as a snapshot, from a copy, or a second time.
 */
const WAYS: [way: string, settings: object, track: (analytics: Analytics, act: () => void) => boolean][] = [
  [
    'a text',
    {},
    (analytics, act) => analytics.track({ userId: 'u', event: 'outer', properties: properties(act) }),
  ],
  [
    'a whole text',
    {},
    (analytics, act) =>
      analytics.track({ userId: 'u', event: 'outer', timestamp: 0, properties: properties(act) }),
  ],
  [
    'a context with its own library',
    {},
    (analytics, act) =>
      analytics.track({ userId: 'u', event: 'outer', context: { toJSON: () => properties(act) } }),
  ],
  [
    'a snapshot',
    {},
    (analytics, act) =>
      analytics.track({ userId: 'u', event: 'outer', properties: { big: 1n, late: { toJSON: act } } }),
  ],
  [
    'a snapshot, through a toJSON of the BigInt',
    {},
    (analytics, act) => {
      const toJSON = (): bigint => {
        act();
        return 1n;
      };
      const big = Object.assign(Object(1n), { toJSON });
      return analytics.track({ userId: 'u', event: 'outer', properties: { big } });
    },
  ],
  [
    'a copy for beforeSend',
    { beforeSend: keepAll },
    (analytics, act) => analytics.track({ userId: 'u', event: 'outer', properties: properties(act) }),
  ],
  [
    'what beforeSend returns',
    { beforeSend: (event: OutgoingEvent) => (event.event === 'outer' ? { ...event, ...returned } : event) },
    (analytics, act) => {
      returned = { timestamp: 0, properties: properties(act) as OutgoingEvent['properties'] };
      return analytics.track({ userId: 'u', event: 'outer' });
    },
  ],
  [
    'an event that is sent again',
    {},
    (analytics, act) => {
      const again = { type: 'track', userId: 'u', event: 'outer', properties: properties(act) };
      return analytics.resend([again]) === 1;
    },
  ],
];

describe.each(WAYS)('while the client writes %s', (_, settings, track) => {
  test('an event that is tracked inside comes first, and each has its own messageId', async () => {
    const analytics = bench.open({ batchSize: 1, ...settings });
    analytics.track({ userId: 'u', event: 'before' });
    const taken = track(analytics, () => {
      expect(analytics.track({ userId: 'u', event: 'inner' })).toBe(true);
    });
    expect(taken).toBe(true);
    analytics.track({ userId: 'u', event: 'after' });
    flushed(analytics);
    const names = (await bench.api.events()).map(({ event }) => event);
    expect(names.filter((name) => name !== 'inner')).toEqual(['before', 'outer', 'after']);
    expect(names.lastIndexOf('inner')).toBeLessThan(names.indexOf('outer'));
    const ids = await bench.api.messageIds();
    expect(new Set(ids).size).toBe(names.length);
    expect(ids.map((id) => id.slice(-2))).toEqual(ids.map((__, index) => `-${index + 1}`));
  });

  test('a flush is a barrier for what was accepted before, and the event is sent after it', async () => {
    const analytics = bench.open(settings);
    analytics.track({ userId: 'u', event: 'before' });
    const flush = vi.fn(() => flushed(analytics));
    expect(track(analytics, flush)).toBe(true);
    expect(flush).toHaveBeenCalled();
    expect(analytics.stats()).toMatchObject({ accepted: 2, delivered: 1, pending: 1 });
    flushed(analytics);
    expect((await bench.api.events()).map(({ event }) => event)).toEqual(['before', 'outer']);
  });

  test('a close causes the event to be refused', async () => {
    const analytics = bench.open(settings);
    analytics.track({ userId: 'u', event: 'before' });
    let closing: Promise<unknown> | undefined;
    const taken = track(analytics, () => {
      closing ??= analytics.close();
    });
    expect(taken).toBe(false);
    expect(await closing).toMatchObject({ status: 'ok', delivered: 1, pending: 0 });
    expect(analytics.stats()).toMatchObject({ accepted: 1, refused: { closed: 1 } });
    expect((await bench.api.events()).map(({ event }) => event)).toEqual(['before']);
  });

  test('events that fill the queue cause the event to be refused', async () => {
    const analytics = bench.open({ maxQueueSize: 2, ...settings });
    let inner = 0;
    const taken = track(analytics, () => {
      while (analytics.track({ userId: 'u', event: 'inner' })) inner++;
    });
    expect([taken, inner]).toEqual([false, 2]);
    expect(analytics.stats()).toMatchObject({ accepted: 2, pending: 2 });
    flushed(analytics);
    expect(bench.errors).toMatchObject([{ code: 'queue_full' }]);
  });
});

test('a client that is closed while it writes an event calls the callback of that event', async () => {
  const analytics = bench.open();
  const callback = vi.fn();
  const close = (): void => void analytics.close();
  expect(analytics.track({ userId: 'u', event: 'e', properties: properties(close) }, callback)).toBe(false);
  await vi.waitFor(() => expect(callback).toHaveBeenCalledOnce());
  expect(callback).toHaveBeenCalledWith(expect.objectContaining({ code: 'closed' }));
});
