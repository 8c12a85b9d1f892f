// disable and stub: what each leaves out, and that everything else works as in production.
import { startTrackingApi, type TrackingApi } from '@offthread/devtools';
import { Analytics, type AnalyticsError, type AnalyticsSettings, type Stats } from '@offthread/sdk';
import { createTestAnalytics } from '@offthread/sdk/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, expectTypeOf, test, vi } from 'vitest';
import { expectBalanced } from '../helpers/with-api.js';

let api: TrackingApi;
let client: Analytics | undefined;
beforeAll(async () => {
  api = await startTrackingApi();
});
beforeEach(() => api.reset());
afterEach(() => client?.close(0));
afterAll(() => api.close());

function open(settings: Partial<AnalyticsSettings> = {}): Analytics {
  client = new Analytics({ writeKey: 'KEY', host: api.url, ...settings });
  return client;
}

/** The number of threads of this process, excluding this one. */
function threads(): number {
  const { report } = process;
  if (report === undefined) throw new Error('no report');
  // Otherwise the report resolves host names.
  Reflect.set(report, 'excludeNetwork', true);
  return Object(report.getReport()).workers.length;
}

test('a disabled client accepts events, counts them as delivered, calls back, sends nothing and starts no thread', async () => {
  const analytics = open({ disable: true });
  const ends: unknown[] = [];
  for (let n = 0; n < 100; n++) {
    expect(analytics.track({ userId: 'u', event: 'e' }, (error) => ends.push(error))).toBe(true);
  }
  expect(ends).toEqual([]);
  expect(analytics.stats()).toMatchObject({ mode: 'disabled', accepted: 100, delivered: 0, pending: 100 });
  await Promise.resolve();
  expect(ends).toEqual(Array(100).fill(undefined));
  expect(analytics.stats()).toEqual({
    ...{ mode: 'disabled', accepted: 100, delivered: 100, failed: 0, dropped: {}, refused: {}, left: 0 },
    ...{ pending: 0, requests: 0, retries: 0, bytes: 0 },
  });
  expect(threads()).toBe(0);
  expect(await api.counts()).toMatchObject({ requests: 0, events: 0 });
});

test('a stubbed client does the same in a thread', () => {
  const analytics = open({ stub: true });
  analytics.track({ userId: 'u', event: 'e' });
  expect(analytics.flush(20_000)).toMatchObject({ status: 'ok', delivered: 1 });
  expect(analytics.stats()).toMatchObject({ mode: 'stub', delivered: 1, requests: 1 });
  expect(threads()).toBe(1);
});

test('a client that is both stubbed and disabled is disabled', async () => {
  const analytics = open({ disable: true, stub: true });
  analytics.track({ userId: 'u', event: 'e' });
  expect(analytics.flush()).toMatchObject({ status: 'ok', delivered: 1 });
  expect(analytics.stats()).toMatchObject({ mode: 'disabled', requests: 0 });
});

test('other clients report their mode too', async () => {
  expect(open().stats().mode).toBe('live');
  expect(open({ disable: false, stub: false }).stats().mode).toBe('live');
  expect(createTestAnalytics().stats().mode).toBe('test');
  expect(createTestAnalytics({ stub: true }).stats().mode).toBe('test');
  expectTypeOf<Stats['mode']>().toEqualTypeOf<'live' | 'stub' | 'disabled' | 'test'>();
});

describe('a disabled client', () => {
  test('can be flushed, blocking or not, and closed', async () => {
    const analytics = open({ disable: true });
    const callback = vi.fn();
    analytics.track({ userId: 'u', event: 'e' }, callback);
    expect(analytics.flush()).toMatchObject({ status: 'ok', delivered: 1, pending: 0 });
    expect(callback.mock.calls).toEqual([[undefined]]);
    analytics.track({ userId: 'u', event: 'e' }, callback);
    expect(await analytics.flushAsync()).toMatchObject({ status: 'ok', delivered: 1, pending: 0 });
    analytics.track({ userId: 'u', event: 'e' }, callback);
    expect(await analytics.close()).toMatchObject({ status: 'ok', delivered: 1, pending: 0 });
    expect(callback).toHaveBeenCalledTimes(3);
    expect(analytics.track({ userId: 'u', event: 'e' })).toBe(false);
    expect(analytics.stats()).toMatchObject({ accepted: 3, delivered: 3, refused: { closed: 1 } });
  });

  test('checks calls and settings, calls beforeSend, and refuses what cannot be serialized or has no room', () => {
    const errors: AnalyticsError[] = [];
    const analytics = open({
      disable: true,
      maxQueueSize: 2,
      beforeSend: (event) => (event.event === 'drop' ? null : event),
      onError: (error) => errors.push(error),
    });
    // @ts-expect-error no user
    expect(() => analytics.track({ event: 'e' })).toThrow('needs a userId');
    expect(() => open({ disable: true, batchSize: 0 })).toThrow('batchSize');
    const cycle: Record<string, unknown> = {};
    cycle['again'] = cycle;
    expect(analytics.track({ userId: 'u', event: 'e', properties: cycle })).toBe(false);
    expect(['drop', 'keep', 'keep', 'keep'].map((event) => analytics.track({ userId: 'u', event }))).toEqual([
      ...[true, true, true, false],
    ]);
    expect(errors.map(({ code }) => code)).toEqual(['unserializable', 'queue_full']);
    analytics.flush();
    expect(analytics.stats()).toMatchObject({ accepted: 3, delivered: 2, dropped: { before_send: 1 } });
    expectBalanced(analytics.stats());
  });

  test('allows callbacks to track and flush, and settles each event once', () => {
    const analytics = open({ disable: true });
    let calls = 0;
    const again = (): void => {
      calls++;
      if (calls < 5) analytics.track({ userId: 'u', event: 'e' }, again);
      analytics.flush();
    };
    analytics.track({ userId: 'u', event: 'e' }, again);
    analytics.flush();
    expect(calls).toBe(5);
    expect(analytics.stats()).toMatchObject({ accepted: 5, delivered: 5, pending: 0 });
  });

  test('settles a hundred thousand events, no more at a time than the queue holds', async () => {
    const analytics = open({ disable: true });
    for (let round = 0; round < 10; round++) {
      for (let n = 0; n < 10_000; n++) expect(analytics.track({ userId: 'u', event: 'e' })).toBe(true);
      await Promise.resolve();
    }
    expect(analytics.stats()).toMatchObject({ accepted: 100_000, delivered: 100_000, pending: 0 });
  });

  test('of the test kit records nothing', async () => {
    const analytics = createTestAnalytics({ disable: true });
    analytics.track({ userId: 'u', event: 'e' });
    expect(analytics.events).toEqual([]);
    expect(await analytics.flushAsync()).toMatchObject({ status: 'ok', delivered: 1 });
    expect(analytics.stats().mode).toBe('disabled');
  });
});
