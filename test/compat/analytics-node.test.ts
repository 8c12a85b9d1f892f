// @offthread/sdk/compat, by the behaviours that the public test suite of @segment/analytics-node 3 asserts, against a real
// server. docs/migrating-from-analytics-node.md lists the behaviours that it doesn't have.
import { STATUS_CODES } from 'node:http';
import { version } from '@offthread/sdk';
import { type Analytics, Context, FetchHTTPClient, type SegmentEvent } from '@offthread/sdk/compat';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { batches, bodyOf, next, requests, sleep, tracked, withCompat } from '../helpers/compat.js';
import { runFixture } from '../helpers/fixture.js';

// Pauses between attempts are real.
vi.setConfig({ testTimeout: 40_000 });

const bench = withCompat();
const ISO = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/;
const timestamp = new Date('2026-03-04T05:06:07.089Z');

afterEach(() => vi.restoreAllMocks());

/** The very first event of a client doesn't wait for more: delivers one, and forgets it. */
async function first(analytics: Analytics): Promise<void> {
  await tracked(analytics);
  await bench.api.reset();
}

/** Milliseconds that `act` takes. */
async function elapsed(act: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await act();
  return performance.now() - start;
}

describe('settings', () => {
  test('a missing write key throws', () => {
    expect(() => bench.open({ writeKey: Reflect.get({}, 'writeKey') })).toThrow(/writeKey/);
  });

  test('a host without a protocol throws', () => {
    expect(() => bench.open({ host: 'SHOULD_FAIL', path: '/bar' })).toThrow(/host/);
    expect(() => bench.open({ host: 'shop.example' })).toThrow(/host/);
  });

  test('an empty host throws', () => {
    expect(() => bench.open({ host: '' })).toThrow(/host/);
  });

  test('a host without a top-level domain is valid', () => {
    expect(bench.open({ host: 'http://gateway', path: 'bar' })).toBeDefined();
  });

  test.each([
    ['/bar', '/bar'],
    ['/bar/baz', '/bar/baz'],
    ['bar', '/bar'],
    ['bar/', '/bar'],
    ['/v1/batch/', '/v1/batch'],
  ])('path %s is requested as %s, below a host with a slash and one without', async (path, requested) => {
    for (const host of [bench.api.url, `${bench.api.url}/`])
      await tracked(bench.open({ host, path, maxRetries: 0 }));
    expect((await bench.api.requests()).map((each) => each.path)).toEqual([requested, requested]);
  });

  test('the version is a string', () => {
    const analytics = bench.open();
    expect(analytics.VERSION).toBe(version);
    expect(() => Reflect.set(analytics, 'VERSION', 'foo')).not.toThrow();
    expect(analytics.VERSION).toBe(version);
  });

  test('ready resolves with nothing', async () => {
    expect(await bench.open().ready).toBeUndefined();
  });
});

describe('arguments', () => {
  test('an event without ids throws', () => {
    const track = (): unknown => Reflect.apply(bench.open().track, undefined, [{ event: 'foo' }]);
    expect(track).toThrow(/userId/);
  });

  test('an event without anything throws', () => {
    expect(() => Reflect.apply(bench.open().track, undefined, [{}])).toThrow();
  });

  test('methods can be detached', async () => {
    const { track, flush } = bench.open({ flushInterval: 10_000 });
    track({ userId: 'user-1', event: 'Seen' });
    await flush();
    expect(await batches(bench.api)).toEqual([1]);
  });
});

describe('callbacks', () => {
  test('get the context of a delivered event', async () => {
    const { error, ctx } = await tracked(bench.open({ flushAt: 1 }), {
      userId: undefined,
      anonymousId: 'bar',
    });
    expect(error).toBeUndefined();
    expect(ctx).toBeInstanceOf(Context);
    expect(ctx.event).toMatchObject({ event: 'Seen', anonymousId: 'bar' });
    expect(ctx.failedDelivery()).toBeUndefined();
  });

  test('get an error with status and text, and the context, of an event that failed', async () => {
    await bench.api.behave({ type: 'answer', status: 404 });
    const { error, ctx } = await tracked(bench.open({ flushAt: 1 }));
    expect(error).toEqual(new Error('[404] Not Found'));
    expect(error).toMatchObject({ cause: { code: 'rejected', status: 404 } });
    expect(ctx.event.event).toBe('Seen');
    expect(ctx.failedDelivery()).toEqual({ reason: error });
  });
});

describe('disable', () => {
  test('no request is emitted or made, and callbacks are called', async () => {
    const analytics = bench.open({ disable: true });
    const emitted = vi.fn();
    analytics.on('http_request', emitted);
    expect(await tracked(analytics)).toMatchObject({ error: undefined });
    expect(emitted).not.toHaveBeenCalled();
    expect(await batches(bench.api)).toEqual([]);
  });

  test('false sends', async () => {
    await tracked(bench.open({ disable: false }));
    expect(await batches(bench.api)).toEqual([1]);
  });
});

describe('http_request', () => {
  const shape = (batch: number): object => ({
    url: `${bench.api.url}/v1/batch`,
    method: 'POST',
    headers: expect.any(Object),
    body: expect.stringMatching(new RegExp(`^\\{"batch":\\[(.*"messageId".*){${batch}}\\]`)),
  });

  test('is emitted for a request that succeeds', async () => {
    const analytics = bench.open();
    const emitted = vi.fn();
    analytics.on('http_request', emitted);
    await tracked(analytics);
    expect(emitted).toHaveBeenCalledTimes(1);
    expect(emitted).toHaveBeenCalledWith(shape(1));
    const [[{ body }]] = emitted.mock.calls as [[{ body: string }]];
    const [request] = await bench.api.requests();
    const [sent] = request?.events ?? [];
    expect(JSON.parse(body).batch[0]).toMatchObject({ event: 'Seen', messageId: sent?.['messageId'] });
  });

  test('is emitted for a request that fails', async () => {
    await bench.api.behave({ type: 'answer', status: 400 });
    const analytics = bench.open({ maxRetries: 0 });
    const emitted = vi.fn();
    const answered = vi.fn();
    analytics.on('http_request', emitted).on('http_response', answered);
    await tracked(analytics);
    expect(emitted).toHaveBeenCalledTimes(1);
    expect(emitted).toHaveBeenCalledWith(shape(1));
    expect(answered.mock.calls).toMatchObject([[{ status: 400, statusText: 'Bad Request' }]]);
  });

  test('is emitted for each retry', async () => {
    await bench.api.behave({ type: 'answer', status: 500 });
    const analytics = bench.open({ maxRetries: 2 });
    const emitted = vi.fn();
    analytics.on('http_request', emitted);
    await tracked(analytics);
    expect(emitted).toHaveBeenCalledTimes(3);
    expect(await batches(bench.api)).toEqual([1, 1, 1]);
  });

  test('does not contain the write key in its headers', async () => {
    const analytics = bench.open({ writeKey: 'SECRET' });
    const emitted = vi.fn();
    analytics.on('http_request', emitted);
    await tracked(analytics);
    expect(JSON.stringify(emitted.mock.calls[0]?.[0].headers)).not.toContain('SECRET');
  });

  test('is emitted once for each request, also if a listener tracks what beforeSend drops', async () => {
    await bench.api.script([{ type: 'answer', status: 503 }]);
    const analytics = bench.open({
      native: { beforeSend: (event) => (event.event === 'Dropped' ? null : event) },
    });
    let emitted = 0;
    analytics.on('http_request', () => {
      emitted++;
      // Otherwise a fault would be an endless loop.
      if (emitted < 10) analytics.track({ userId: 'user-1', event: 'Dropped' });
    });
    expect((await tracked(analytics)).error).toBeUndefined();
    await sleep(50);
    expect(emitted).toBe(2);
    expect(await batches(bench.api)).toEqual([1, 1]);
  });

  test('does not end the process if a listener throws', async () => {
    const uncaught = vi.fn();
    process.on('uncaughtException', uncaught);
    try {
      const analytics = bench.open();
      const answered = vi.fn(() => {
        throw new Error('of a listener');
      });
      analytics
        .on('http_request', () => {
          throw new Error('of a listener');
        })
        .on('http_response', answered);
      const { error } = await tracked(analytics);
      await sleep(50);
      expect(error).toBeUndefined();
      expect(answered).toHaveBeenCalledTimes(1);
      expect(uncaught).not.toHaveBeenCalled();
    } finally {
      process.off('uncaughtException', uncaught);
    }
  });

  test('leaves out an event that can no longer be written as JSON', async () => {
    const uncaught = vi.fn();
    process.on('uncaughtException', uncaught);
    try {
      const analytics = bench.open();
      const emitted = vi.fn();
      analytics.on('http_request', emitted);
      const order: { lines: unknown[] } = { lines: [] };
      const done = tracked(analytics, { properties: { order } });
      order.lines.push(order);
      expect((await done).error).toBeUndefined();
      await sleep(50);
      expect(uncaught).not.toHaveBeenCalled();
      const [[{ body }]] = emitted.mock.calls as [[{ body: string }]];
      expect(JSON.parse(body)).toMatchObject({ batch: [], writeKey: 'KEY' });
    } finally {
      process.off('uncaughtException', uncaught);
    }
  });
});

describe('drained', () => {
  test('is emitted when one event is done', async () => {
    const analytics = bench.open({ flushAt: 1 });
    const drained = new Promise<void>((resolve) => analytics.once('drained', resolve));
    analytics.track({ userId: 'foo', event: 'bar' });
    await drained;
  });

  test('is emitted once for several events', async () => {
    const analytics = bench.open({ flushAt: 3 });
    const drained = vi.fn();
    analytics.on('drained', drained);
    for (const event of ['a', 'b', 'c']) analytics.track({ userId: 'foo', event });
    await analytics.flush();
    expect(drained).toHaveBeenCalledTimes(1);
  });

  test('all callbacks are called before closeAndFlush() resolves, and none during the call', async () => {
    const analytics = bench.open({ flushAt: 1 });
    const callback = vi.fn();
    analytics.track({ userId: 'foo', event: 'bar' }, callback);
    expect(callback).not.toHaveBeenCalled();
    await analytics.closeAndFlush();
    expect(callback).toHaveBeenCalledTimes(1);
  });

  test('closeAndFlush() waits for the promises of callbacks', async () => {
    const analytics = bench.open({ flushAt: 1 });
    const order: string[] = [];
    analytics.track({ userId: 'foo', event: 'bar' }, async () => {
      await sleep(200);
      order.push('callback');
    });
    await analytics.closeAndFlush();
    order.push('closed');
    expect(order).toEqual(['callback', 'closed']);
  });

  test('a callback that throws or rejects is emitted as an error, and holds nothing up', async () => {
    const analytics = bench.open({ flushAt: 1 });
    const errors = vi.fn();
    analytics.on('error', errors);
    const failure = new Error('of the callback');
    analytics.track({ userId: 'foo', event: 'bar' }, () => {
      throw failure;
    });
    analytics.track({ userId: 'foo', event: 'bar' }, () => Promise.reject(failure));
    await analytics.closeAndFlush();
    expect(errors.mock.calls).toMatchObject([
      [{ code: 'callback_failed', reason: failure }],
      [{ code: 'callback_failed', reason: failure }],
    ]);
  });
});

describe('closeAndFlush()', () => {
  test.each([
    [undefined, 75_000],
    [120_000, 150_000],
  ])('waits with flushInterval %s for up to %i ms', async (flushInterval, expected) => {
    // The API never answers: the wait ends by the timer, which this test doesn't wait for.
    await bench.api.behave({ type: 'hang' });
    const analytics = bench.open({ flushInterval });
    const flush = vi.spyOn(analytics, 'flush');
    analytics.track({ userId: 'foo', event: 'bar' });
    void analytics.closeAndFlush();
    expect(flush).toHaveBeenCalledWith({ timeout: expected, close: true });
  });

  test('resolves after the timeout if a plugin takes longer', async () => {
    const analytics = bench.open({ flushAt: 1 });
    await analytics.register(slow(5_000));
    analytics.track({ userId: 'foo', event: 'bar' });
    const time = await elapsed(() => analytics.closeAndFlush({ timeout: 300 }));
    expect(time).toBeGreaterThan(280);
    expect(time).toBeLessThan(4_000);
  });

  test.each([Number.POSITIVE_INFINITY, 2 ** 40])('delivers also with a timeout of %d ms', async (timeout) => {
    await bench.api.behave({ type: 'ok', delayMs: 200 });
    const analytics = bench.open();
    const done = tracked(analytics);
    await analytics.closeAndFlush({ timeout });
    expect((await done).error).toBeUndefined();
  });

  test('reports events that are not delivered in time', async () => {
    await bench.api.behave({ type: 'hang' });
    const analytics = bench.open({ flushAt: 1 });
    const errors = vi.fn();
    analytics.on('error', errors);
    analytics.track({ userId: 'foo', event: 'bar' });
    await analytics.closeAndFlush({ timeout: 300 });
    expect(errors.mock.calls).toMatchObject([
      [{ code: 'delivery_failure', reason: { code: 'closed' }, ctx: { event: { event: 'bar' } } }],
    ]);
  });

  test('accepts no further events, and delivers the earlier ones', async () => {
    const analytics = bench.open({ flushAt: 1 });
    const delivered = vi.fn();
    analytics.on('track', delivered);
    analytics.track({ userId: 'foo', event: 'before' });
    const closed = analytics.closeAndFlush();
    analytics.track({ userId: 'foo', event: 'after' });
    analytics.track({ userId: 'foo', event: 'after' });
    await closed;
    expect((await bench.api.events()).map(({ event }) => event)).toEqual(['before']);
    expect(delivered).toHaveBeenCalledTimes(1);
  });

  test('emits the events that come later', async () => {
    const analytics = bench.open({ flushAt: 1 });
    const late: SegmentEvent[] = [];
    analytics.on('call_after_close', (event) => late.push(event));
    const closed = analytics.closeAndFlush();
    analytics.track({ userId: 'foo', event: 'after' });
    analytics.track({ userId: 'foo', event: 'after' });
    expect(late).toMatchObject([
      { type: 'track', event: 'after' },
      { type: 'track', event: 'after' },
    ]);
    await closed;
  });

  test('delivers events that a plugin still has, and emits drained once', async () => {
    const analytics = bench.open({ flushAt: 1 });
    const drained = vi.fn();
    const delivered = vi.fn();
    analytics.on('drained', drained).on('track', delivered);
    await analytics.register(slow(300));
    analytics.track({ userId: 'foo', event: 'bar' });
    analytics.track({ userId: 'foo', event: 'bar' });
    await analytics.closeAndFlush();
    expect(await batches(bench.api)).toEqual([1, 1]);
    expect(delivered).toHaveBeenCalledTimes(2);
    expect(drained).toHaveBeenCalledTimes(1);
  });

  test('resolves without a wait, and emits nothing, if no event is pending', async () => {
    const analytics = bench.open();
    const drained = vi.fn();
    analytics.on('drained', drained);
    expect(await elapsed(() => analytics.closeAndFlush())).toBeLessThan(5_000);
    expect(drained).not.toHaveBeenCalled();
  });

  test('sends at once, without waiting for flushInterval', async () => {
    const analytics = bench.open({ flushInterval: 60_000, flushAt: 15 });
    await first(analytics);
    analytics.track({ userId: 'foo', event: 'bar' });
    analytics.track({ userId: 'foo', event: 'bar' });
    await sleep(100);
    expect(await batches(bench.api)).toEqual([]);
    await analytics.closeAndFlush();
    expect(await batches(bench.api)).toEqual([2]);
  });

  test('sends once when a plugin has passed on all events', async () => {
    const analytics = bench.open({ flushInterval: 60_000, flushAt: 15 });
    await first(analytics);
    await analytics.register(slow(100));
    analytics.track({ userId: 'foo', event: 'bar' });
    analytics.track({ userId: 'foo', event: 'bar' });
    await analytics.closeAndFlush();
    expect(await batches(bench.api)).toEqual([2]);
  });
});

describe('flush()', () => {
  test('can be called again and again', async () => {
    const analytics = bench.open({ flushInterval: 60_000 });
    const drained = vi.fn();
    analytics.on('drained', drained);
    analytics.track({ userId: 'foo', event: 'bar' });
    await analytics.flush();
    expect(await batches(bench.api)).toEqual([1]);
    analytics.track({ userId: 'foo', event: 'bar' });
    analytics.track({ userId: 'foo', event: 'bar' });
    await analytics.flush();
    expect(await batches(bench.api)).toEqual([1, 2]);
    expect(drained).toHaveBeenCalledTimes(2);
  });

  test('leaves an event that comes after it has drained to the next flush', async () => {
    const analytics = bench.open({ flushInterval: 60_000 });
    const delivered = vi.fn();
    analytics.on('track', delivered);
    analytics.track({ userId: 'foo', event: 'bar' });
    await analytics.flush();
    analytics.track({ userId: 'foo', event: 'late' });
    await sleep(100);
    expect(await batches(bench.api)).toEqual([1]);
    analytics.track({ userId: 'foo', event: 'later' });
    await analytics.flush();
    expect(await batches(bench.api)).toEqual([1, 2]);
    expect(delivered).toHaveBeenCalledTimes(3);
  });

  test('ignores a call during another one, with a warning, and also waits for what comes meanwhile', async () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
    const analytics = bench.open({ flushInterval: 60_000, maxEventsInBatch: 2 });
    const drained = vi.fn();
    const delivered = vi.fn();
    analytics.on('drained', drained).on('track', delivered);
    analytics.track({ userId: 'foo', event: 'bar' });
    const flushes = Promise.all([analytics.flush(), analytics.flush()]);
    analytics.track({ userId: 'foo', event: 'bar' });
    analytics.track({ userId: 'foo', event: 'bar' });
    await flushes;
    expect(warn).toHaveBeenCalledTimes(1);
    expect(warn).toHaveBeenCalledWith(expect.stringContaining('Overlapping flush calls detected'));
    expect(delivered).toHaveBeenCalledTimes(3);
    expect(drained).toHaveBeenCalledTimes(1);
    analytics.track({ userId: 'foo', event: 'bar' });
    await analytics.flush();
    expect(delivered).toHaveBeenCalledTimes(4);
    expect(drained).toHaveBeenCalledTimes(2);
  });

  test('does not warn when calls follow each other, nor emit drained if nothing was pending', async () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
    const analytics = bench.open({ flushInterval: 60_000 });
    const drained = vi.fn();
    analytics.on('drained', drained);
    analytics.track({ userId: 'foo', event: 'bar' });
    await analytics.flush();
    await analytics.flush();
    expect(drained).toHaveBeenCalledTimes(1);
    expect(warn).not.toHaveBeenCalled();
  });

  test('leaves no listener when it times out', async () => {
    const analytics = bench.open({ flushInterval: 60_000 });
    const off = vi.spyOn(analytics, 'off');
    const on = vi.spyOn(analytics, 'on');
    await analytics.register({ ...plugin(), track: () => new Promise(() => {}) });
    analytics.track({ userId: 'foo', event: 'bar' });
    for (let n = 0; n < 3; n++) await analytics.flush({ timeout: 20 });
    expect(on).toHaveBeenCalledTimes(3);
    expect(off.mock.calls).toEqual(on.mock.calls);
  });

  test('sends at once if the last event that plugins pass on is invalid', async () => {
    const analytics = bench.open({ flushInterval: 30_000 });
    await first(analytics);
    await analytics.register({
      ...plugin(),
      async track(ctx) {
        await sleep(ctx.event.event === 'spoilt' ? 300 : 100);
        if (ctx.event.event === 'spoilt') ctx.updateEvent('properties', 'text');
        return ctx;
      },
    });
    analytics.on('error', () => {});
    for (const event of ['good', 'spoilt']) analytics.track({ userId: 'foo', event });
    expect(await elapsed(() => analytics.flush({ timeout: 20_000 }))).toBeLessThan(10_000);
    expect((await bench.api.events()).map(({ event }) => event)).toEqual(['good']);
  });
});

describe('a request', () => {
  test('has the write key, the content type and the name of the library in its headers', async () => {
    await tracked(bench.open({ writeKey: 'foo' }));
    const [request] = await bench.api.requests();
    expect(request?.headers).toMatchObject({
      authorization: 'Basic Zm9vOg==',
      'content-type': 'application/json',
      // There: analytics-node-next/latest.
      'user-agent': `offthread/${version}`,
    });
  });

  const shared = {
    messageId: expect.stringMatching(
      /^node-next-\d{13}-[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/,
    ),
    timestamp: expect.stringMatching(ISO),
    integrations: {},
    // There: the name and the version of @segment/analytics-node.
    context: { library: { name: '@offthread/sdk', version } },
  };

  test.each<[SegmentEvent['type'], object, object]>([
    ['identify', { userId: 'id', traits: { foo: 'bar' } }, { userId: 'id', traits: { foo: 'bar' } }],
    [
      'track',
      { event: 'foo', userId: 'foo', properties: { hello: 'world' } },
      { event: 'foo', userId: 'foo', properties: { hello: 'world' } },
    ],
    ['page', { name: 'page', anonymousId: 'foo' }, { name: 'page', anonymousId: 'foo', properties: {} }],
    [
      'page',
      { name: 'Home', category: 'Docs', userId: 'foo', properties: { url: 'http://localhost' } },
      {
        name: 'Home',
        category: 'Docs',
        userId: 'foo',
        properties: { category: 'Docs', url: 'http://localhost' },
      },
    ],
    [
      'group',
      { groupId: 'group', anonymousId: 'foo', traits: { some_traits: 123 } },
      { groupId: 'group', anonymousId: 'foo', traits: { some_traits: 123 } },
    ],
    ['alias', { userId: 'alias', previousId: 'previous' }, { userId: 'alias', previousId: 'previous' }],
    [
      'screen',
      { name: 'screen', anonymousId: 'foo', properties: { title: 'wip' } },
      { name: 'screen', anonymousId: 'foo', properties: { title: 'wip' } },
    ],
    [
      'screen',
      { name: 'Home', category: 'Docs', userId: 'foo', properties: { variation: 'local' } },
      { name: 'Home', category: 'Docs', userId: 'foo', properties: { variation: 'local' } },
    ],
  ])('of %s(%o) has the body of analytics-node', async (type, params, expected) => {
    const analytics = bench.open();
    const delivered = next(analytics, type);
    Reflect.apply(analytics[type], undefined, [params]);
    await delivered;
    const [request] = await bench.api.requests();
    const body = request && (await bodyOf(bench.api, request));
    expect(body).toEqual({ batch: [{ type, ...shared, ...expected }], sentAt: expect.stringMatching(ISO) });
  });

  test('has timestamp, ids and integrations as given', async () => {
    const event = { event: 'foo', userId: 'foo', integrations: { foo: true }, timestamp };
    await tracked(bench.open(), event);
    const [sent] = await bench.api.events();
    expect(sent).toMatchObject({ ...event, timestamp: timestamp.toISOString() });
  });

  test('that is not answered within httpRequestTimeout fails', async () => {
    await bench.api.behave({ type: 'hang' });
    const { error, ctx } = await tracked(bench.open({ flushAt: 1, httpRequestTimeout: 200, maxRetries: 0 }));
    expect(error).toBeInstanceOf(Error);
    expect(ctx.failedDelivery()).toBeDefined();
  });

  test('that is answered within httpRequestTimeout succeeds', async () => {
    await bench.api.behave({ type: 'ok', delayMs: 100 });
    expect(await tracked(bench.open({ flushAt: 1, httpRequestTimeout: 5_000, maxRetries: 0 }))).toMatchObject(
      {
        error: undefined,
      },
    );
  });

  test('with an httpRequestTimeout of 0 fails at once', async () => {
    await bench.api.behave({ type: 'ok', delayMs: 1_000 });
    const analytics = bench.open({ flushAt: 1, httpRequestTimeout: 0, maxRetries: 0 });
    const delivered = next(analytics, 'track');
    analytics.track({ event: 'foo', userId: 'foo', properties: { hello: 'world' } });
    await expect(delivered).rejects.toMatchObject({ ctx: expect.any(Context) });
  });
});

describe('an error', () => {
  test('is emitted with code, reason and context', async () => {
    await bench.api.behave({ type: 'answer', status: 503 });
    const analytics = bench.open({ maxRetries: 0 });
    const delivered = next(analytics, 'track');
    analytics.track({ event: 'foo', userId: 'sup' });
    await expect(delivered).rejects.toMatchObject({
      code: 'delivery_failure',
      reason: new Error('[503] Service Unavailable'),
      ctx: { event: { event: 'foo' } },
    });
  });

  test('without a listener is no exception', async () => {
    await bench.api.behave({ type: 'answer', status: 400 });
    await expect(bench.open().flush()).resolves.toBeUndefined();
    const analytics = bench.open();
    analytics.track({ event: 'foo', userId: 'sup' });
    await expect(analytics.flush()).resolves.toBeUndefined();
  });
});

describe('a context', () => {
  test.each<[SegmentEvent['type'], object, object]>([
    ['alias', { userId: 'chris radek', previousId: 'chris' }, { userId: 'chris radek', previousId: 'chris' }],
    [
      'group',
      { groupId: 'coolKids', traits: { coolKids: true }, userId: 'foo', anonymousId: 'bar' },
      { groupId: 'coolKids', traits: { coolKids: true }, userId: 'foo', anonymousId: 'bar' },
    ],
    [
      'identify',
      { userId: 'user-id', traits: { name: 'Chris Radek' } },
      { userId: 'user-id', traits: { name: 'Chris Radek' } },
    ],
    ['identify', { userId: 'user-id', anonymousId: 'unknown' }, { anonymousId: 'unknown', traits: {} }],
    [
      'page',
      { category: 'Docs', name: 'A test', anonymousId: 'unknown' },
      { name: 'A test', anonymousId: 'unknown', properties: { category: 'Docs' } },
    ],
    ['page', { properties: { title: 'invisible' }, userId: 'id' }, { properties: { title: 'invisible' } }],
    ['page', { category: 'Docs', userId: 'id' }, { category: 'Docs', properties: { category: 'Docs' } }],
    [
      'screen',
      { name: 'Home Screen', properties: { title: 'wip' }, userId: 'id' },
      { name: 'Home Screen', properties: { title: 'wip' }, userId: 'id' },
    ],
    ['screen', { properties: { title: 'invisible' }, userId: 'id' }, { properties: { title: 'invisible' } }],
    [
      'track',
      { event: 'Test Event', anonymousId: 'unknown', userId: 'known' },
      { event: 'Test Event', properties: {}, anonymousId: 'unknown', userId: 'known' },
    ],
    [
      'track',
      { event: 'Test Event', properties: { foo: 'bar' }, userId: 'known' },
      { event: 'Test Event', properties: { foo: 'bar' }, userId: 'known' },
    ],
  ])('of %s(%o) has the event', async (type, params, expected) => {
    const analytics = bench.open();
    const first = next(analytics, type);
    Reflect.apply(analytics[type], undefined, [{ timestamp, ...params }]);
    const given = (await first).event;
    expect(given).toMatchObject({ type, ...expected, timestamp, messageId: expect.any(String) });
    for (const name of ['userId', 'anonymousId', 'name'] as const) {
      if (!(name in params)) expect(given[name]).toBeUndefined();
    }
    const second = next(analytics, type);
    Reflect.apply(analytics[type], undefined, [params]);
    expect((await second).event.timestamp).toEqual(expect.any(Date));
  });

  test.each<[SegmentEvent['type'], object]>([
    ['alias', { userId: 'foo', previousId: 'bar' }],
    ['group', { groupId: 'foo', userId: 'sup' }],
    ['identify', { userId: 'sup' }],
    ['page', { name: 'foo', userId: 'sup' }],
    ['screen', { name: 'foo', userId: 'sup' }],
    ['track', { event: 'foo', userId: 'sup' }],
  ])('of %s() has the messageId of the call', async (type, params) => {
    const analytics = bench.open();
    const delivered = next(analytics, type);
    Reflect.apply(analytics[type], undefined, [{ ...params, messageId: 'overridden' }]);
    expect((await delivered).event.messageId).toBe('overridden');
    expect(await bench.api.messageIds()).toEqual(['overridden']);
  });

  test('has nothing of another call', async () => {
    const analytics = bench.open();
    const first = next(analytics, 'group');
    analytics.group({ groupId: 'coolKids', traits: { foo: 'foo' }, anonymousId: 'unknown' });
    const { event: one } = await first;
    const second = next(analytics, 'group');
    analytics.group({ groupId: 'coolKids', traits: { bar: 'bar' }, userId: 'me' });
    const { event: two } = await second;
    expect([one.traits, one.anonymousId, one.userId]).toEqual([{ foo: 'foo' }, 'unknown', undefined]);
    expect([two.traits, two.anonymousId, two.userId]).toEqual([{ bar: 'bar' }, undefined, 'me']);
  });
});

/** A plugin that takes some time for each tracked event. */
function slow(ms: number) {
  return {
    ...plugin(),
    async track(ctx: Context) {
      await sleep(ms);
      return ctx;
    },
  };
}

function plugin() {
  return {
    name: 'Test Plugin',
    type: 'enrichment' as const,
    version: '0.1.0',
    isLoaded: () => true,
    load: vi.fn(async () => {}),
    unload: vi.fn(async () => {}),
  };
}

describe('plugins', () => {
  test('are loaded once by register()', async () => {
    const analytics = bench.open();
    const registered = plugin();
    const emitted = vi.fn();
    analytics.on('register', emitted);
    await analytics.register(registered);
    expect(registered.load).toHaveBeenCalledTimes(1);
    expect(emitted).toHaveBeenCalledWith(['Test Plugin']);
  });

  test('are loaded before they see an event that was tracked after register()', async () => {
    const analytics = bench.open({ flushAt: 1 });
    const order: string[] = [];
    analytics.on('register', () => order.push('register'));
    void analytics.register({
      ...plugin(),
      load: () => sleep(50),
      identify(ctx: Context) {
        order.push('identify');
        return ctx;
      },
    });
    analytics.identify({ userId: 'foo' });
    await analytics.flush();
    expect(order.sort()).toEqual(['identify', 'register']);
    expect(await batches(bench.api)).toEqual([1]);
  });

  test('are unloaded by deregister(), by name, and see no more events', async () => {
    const analytics = bench.open();
    const registered = { ...plugin(), track: vi.fn((ctx: Context) => ctx) };
    await analytics.register(registered);
    await analytics.deregister(registered.name);
    expect(registered.unload).toHaveBeenCalledTimes(1);
    await tracked(analytics);
    expect(registered.track).not.toHaveBeenCalled();
  });

  test('change events, in the order before, enrichment', async () => {
    const analytics = bench.open();
    const seen: string[] = [];
    const changing = (name: string, type: 'before' | 'enrichment' | 'after' | 'destination') => ({
      ...plugin(),
      name,
      type,
      track(ctx: Context) {
        seen.push(name);
        ctx.updateEvent(`properties.${name}`, ctx.failedDelivery() === undefined);
        return ctx;
      },
    });
    await analytics.register(changing('last', 'after'), changing('second', 'enrichment'));
    await analytics.register(changing('third', 'destination'), changing('first', 'before'));
    await tracked(analytics);
    expect(seen).toEqual(['first', 'second', 'third', 'last']);
    const [event] = await bench.api.events();
    expect(event?.properties).toEqual({ first: true, second: true, third: true });
  });

  test('that are synchronous hold nothing up: the event is with the worker thread when the call returns', async () => {
    const analytics = bench.open();
    await analytics.register({ ...plugin(), track: (ctx: Context) => ctx });
    analytics.track({ userId: 'foo', event: 'bar' });
    expect(analytics.native.stats().accepted).toBe(1);
    expect(analytics.native.flush(20_000)).toMatchObject({ status: 'ok' });
  });

  test('change one event only, if several events have the same objects', async () => {
    const analytics = bench.open({ flushAt: 2 });
    await analytics.register({
      ...plugin(),
      track(ctx: Context) {
        if (ctx.event.userId !== 'one') return ctx;
        Object.assign(ctx.event.context ?? {}, { ip: '203.0.113.7' });
        ctx.updateEvent('context.app.visitor', 'one');
        ctx.updateEvent('properties.items.0.price', 7);
        return ctx;
      },
    });
    const shared = { context: { app: { name: 'shop' } }, properties: { items: [{ id: 1 }] } };
    for (const userId of ['one', 'two']) analytics.track({ userId, event: 'Seen', ...shared });
    await analytics.flush();
    const events = await bench.api.events();
    expect(events).toMatchObject([
      {
        context: { ip: '203.0.113.7', app: { name: 'shop', visitor: 'one' } },
        properties: { items: [{ id: 1, price: 7 }] },
      },
      { userId: 'two', properties: { items: [{ id: 1 }] } },
    ]);
    const { library: _, ...context } = Object(events[1]?.context);
    expect(context).toEqual({ app: { name: 'shop' } });
    expect(events[1]?.properties).toEqual({ items: [{ id: 1 }] });
    expect(shared).toEqual({ context: { app: { name: 'shop' } }, properties: { items: [{ id: 1 }] } });
  });

  test('can cancel an event, which its callback and listeners learn', async () => {
    const analytics = bench.open();
    const errors = vi.fn();
    analytics.on('error', errors);
    await analytics.register({ ...plugin(), track: (ctx: Context) => ctx.cancel(new Error('not this one')) });
    await analytics.register({
      ...plugin(),
      name: 'Other',
      type: 'before',
      track: (ctx: Context) => ctx.cancel(),
    });
    const { error, ctx } = await tracked(analytics);
    expect(error).toMatchObject({ reason: 'Context Cancel' });
    expect(ctx.failedDelivery()).toEqual({ reason: error });
    await analytics.flush();
    expect(errors.mock.calls).toMatchObject([[{ code: 'delivery_failure', reason: error }]]);
    expect(await batches(bench.api)).toEqual([]);
  });

  test('of the type enrichment that throw are left out', async () => {
    const analytics = bench.open();
    await analytics.register({
      ...plugin(),
      track() {
        throw new Error('of the plugin');
      },
    });
    const { error, ctx } = await tracked(analytics);
    expect(error).toBeUndefined();
    expect(ctx.logs()).toMatchObject([{ level: 'error', message: 'Plugin Test Plugin failed' }]);
  });

  test('must be plugins', async () => {
    const register = (given: unknown): Promise<unknown> =>
      Reflect.apply(bench.open().register, undefined, [given]);
    await expect(register({ name: 'x', type: 'enrichment' })).rejects.toThrow(/register\(\) takes plugins/);
  });

  test('get mistakes of the caller no more than the API does: they throw at the call', async () => {
    const analytics = bench.open();
    const registered = { ...plugin(), track: vi.fn((ctx: Context) => ctx) };
    await analytics.register(registered);
    expect(() => Reflect.apply(analytics.track, undefined, [{ event: 'foo' }])).toThrow(/userId/);
    expect(registered.track).not.toHaveBeenCalled();
  });
});

describe('batches', () => {
  test('hold events of several types', async () => {
    const analytics = bench.open({ flushAt: 3, flushInterval: 60_000 });
    await first(analytics);
    analytics.track({ userId: 'foo', event: 'test event', properties: { foo: 'bar' } });
    analytics.alias({ userId: 'to', previousId: 'from' });
    analytics.identify({ userId: 'foo', traits: { name: 'Chris Radek' } });
    await requests(bench.api, 1);
    expect((await bench.api.events()).map(({ type }) => type)).toEqual(['track', 'alias', 'identify']);
    expect(await batches(bench.api)).toEqual([3]);
  });

  test('that are not full are sent after flushInterval', async () => {
    const analytics = bench.open({ flushAt: 3, flushInterval: 1_000 });
    await first(analytics);
    const delivered = next(analytics, 'alias');
    const time = await elapsed(async () => {
      analytics.alias({ userId: 'to', previousId: 'from' });
      expect((await delivered).failedDelivery()).toBeUndefined();
    });
    expect(time).toBeGreaterThan(990);
    expect(await batches(bench.api)).toEqual([1]);
  });

  test('that are full are sent at once', async () => {
    const analytics = bench.open({ flushAt: 2, flushInterval: 60_000 });
    await first(analytics);
    for (let i = 0; i < 3; i++) analytics.alias({ userId: 'to', previousId: 'from' });
    await requests(bench.api, 1);
    expect(await batches(bench.api)).toEqual([2]);
    await analytics.flush();
    expect(await batches(bench.api)).toEqual([2, 1]);
  });

  test('stay below the limit of the API in bytes', async () => {
    const analytics = bench.open({ flushAt: 20, flushInterval: 60_000 });
    await first(analytics);
    const properties = { buffer: 'x'.repeat(30 * 1024) };
    for (let i = 0; i < 17; i++) analytics.track({ anonymousId: 'foo', event: 'Test Event', properties });
    await analytics.flush();
    expect(await batches(bench.api)).toEqual([16, 1]);
  });

  test.each([
    [20, 3, [3]],
    [1, 3, [1, 1, 1]],
    [3, 5, [3, 2]],
    [7, 5, [5]],
    [7, 10, [7, 3]],
  ])(
    'of at most %i events are sent at once by a flush of %i events, as %o',
    async (flushAt, count, expected) => {
      const analytics = bench.open({ flushAt, flushInterval: 60_000 });
      await first(analytics);
      for (let i = 0; i < count; i++) analytics.track({ userId: 'foo', event: 'test event' });
      await analytics.flush();
      expect(await batches(bench.api)).toEqual(expected);
    },
  );
});

describe('attempts', () => {
  /** The value of X-Retry-Count of each request. */
  async function retryCounts(): Promise<unknown[]> {
    return (await bench.api.requests()).map(({ headers }) => headers['x-retry-count']);
  }

  test('an event of more than 32 KB is not sent', async () => {
    const { error, ctx } = await tracked(bench.open({ flushAt: 1 }), {
      properties: { x: 'x'.repeat(500 * 1024) },
    });
    expect(error).toEqual(new Error('Event exceeds maximum event size of 32 KB'));
    expect(ctx.failedDelivery()).toEqual({ reason: error });
    expect(await batches(bench.api)).toEqual([]);
  });

  test('a request that succeeds has no X-Retry-Count', async () => {
    await tracked(bench.open({ flushAt: 1 }));
    expect(await retryCounts()).toEqual([undefined]);
  });

  test.each([400, 401, 403, 404, 413, 501, 505, 511])('%i is not retried', async (status) => {
    await bench.api.behave({ type: 'answer', status });
    const { error, ctx } = await tracked(bench.open({ flushAt: 1, maxRetries: 3 }));
    expect(error).toEqual(new Error(`[${status}] ${STATUS_CODES[status]}`));
    expect(ctx.failedDelivery()).toBeDefined();
    expect(await retryCounts()).toEqual([undefined]);
  });

  test.each([408, 410, 429, 460, 500, 502, 503])('%i is retried, with a count', async (status) => {
    await bench.api.script([{ type: 'answer', status }]);
    expect(await tracked(bench.open({ flushAt: 1, maxRetries: 3 }))).toMatchObject({ error: undefined });
    expect(await retryCounts()).toEqual([undefined, '1']);
  });

  test('several faults in a row are counted, of whatever kind', async () => {
    await bench.api.script([
      { type: 'answer', status: 408 },
      { type: 'answer', status: 500 },
    ]);
    expect(await tracked(bench.open({ flushAt: 1, maxRetries: 3 }))).toMatchObject({ error: undefined });
    expect(await retryCounts()).toEqual([undefined, '1', '2']);
  });

  test('a broken connection is retried', async () => {
    await bench.api.script([{ type: 'drop', after: 'body' }]);
    expect(await tracked(bench.open({ flushAt: 1, maxRetries: 3 }))).toMatchObject({ error: undefined });
    expect(await retryCounts()).toEqual([undefined, '1']);
  });

  test('there are no more than maxRetries, and one without them', async () => {
    await bench.api.behave({ type: 'answer', status: 500 });
    const { error } = await tracked(bench.open({ flushAt: 1, maxRetries: 2 }));
    expect(error).toEqual(new Error('[500] Internal Server Error'));
    expect(await retryCounts()).toEqual([undefined, '1', '2']);
    await bench.api.reset();
    await bench.api.behave({ type: 'answer', status: 500 });
    expect((await tracked(bench.open({ flushAt: 1, maxRetries: 0 }))).error).toBeInstanceOf(Error);
    expect(await retryCounts()).toEqual([undefined]);
  });

  test('Retry-After of a 429 is respected, and does not count as a retry', async () => {
    await bench.api.script([{ type: 'answer', status: 429, headers: { 'retry-after': '1' } }]);
    const analytics = bench.open({ flushAt: 1, maxRetries: 0 });
    const time = await elapsed(async () => {
      expect(await tracked(analytics)).toMatchObject({ error: undefined });
    });
    expect(time).toBeGreaterThan(990);
    expect(await retryCounts()).toEqual([undefined, '1']);
  });

  test('Retry-After of a 408 is ignored', async () => {
    await bench.api.script([{ type: 'answer', status: 408, headers: { 'retry-after': '60' } }]);
    expect(await tracked(bench.open({ flushAt: 1 }))).toMatchObject({ error: undefined });
    expect(await retryCounts()).toEqual([undefined, '1']);
  });

  test('no other event is sent during the pause that a 429 asks for', async () => {
    await bench.api.script([{ type: 'answer', status: 429, headers: { 'retry-after': '1' } }]);
    const analytics = bench.open({ flushAt: 1 });
    const both = [tracked(analytics), tracked(analytics)];
    expect(await Promise.all(both)).toMatchObject([{ error: undefined }, { error: undefined }]);
    expect(await batches(bench.api)).toEqual([1, 1, 1]);
    const [refused = 0, ...others] = (await bench.api.requests()).map(({ receivedMs }) => receivedMs);
    for (const time of others) expect(time - refused).toBeGreaterThan(990);
  });

  test('they end after maxTotalBackoffDuration seconds', async () => {
    await bench.api.behave({ type: 'answer', status: 500 });
    const { error } = await tracked(bench.open({ flushAt: 1, maxRetries: 100, maxTotalBackoffDuration: 1 }));
    expect(error).toEqual(new Error('[500] Internal Server Error'));
    expect((await batches(bench.api)).length).toBeLessThan(100);
  });

  test('they end after maxRateLimitDuration seconds', async () => {
    await bench.api.behave({ type: 'answer', status: 429, headers: { 'retry-after': '60' } });
    const { error } = await tracked(bench.open({ flushAt: 1, maxRateLimitDuration: 1 }));
    expect(error).toMatchObject({ cause: { code: 'retry_duration_exceeded' } });
    expect(await batches(bench.api)).toEqual([1]);
  });
});

describe('httpClient', () => {
  test('can be the default in any form', () => {
    for (const httpClient of [undefined, globalThis.fetch, new FetchHTTPClient()]) {
      expect(bench.open({ httpClient })).toBeDefined();
    }
  });

  test('of your own is refused, with advice', () => {
    const own = async (): Promise<never> => {
      throw new Error('never called');
    };
    for (const httpClient of [own, new FetchHTTPClient(own), { makeRequest: own }]) {
      expect(() => bench.open({ httpClient })).toThrow(/use 'proxy', 'tls' and 'headers' of 'native'/);
    }
  });
});

describe('the end of the process', () => {
  test.each([
    ['exit', 3],
    ['throw', 1],
  ])('by %s delivers events, also those that synchronous plugins have seen', async (how, code) => {
    const ended = await runFixture('compat-exit.mjs', [bench.api.url, how]);
    expect(ended.code).toBe(code);
    const events = await bench.api.events();
    expect(events.map(({ event, properties }) => [event, properties])).toEqual([
      ['Before', {}],
      ['After', { seen: true }],
    ]);
  });
});

describe('native', () => {
  test('takes the settings that analytics-node lacks, which take precedence', async () => {
    const analytics = bench.open({ maxRetries: 5, native: { headers: { 'x-team': 'shop' }, gzip: true } });
    await tracked(analytics);
    const [request] = await bench.api.requests();
    expect(request?.headers).toMatchObject({ 'x-team': 'shop', 'content-encoding': 'gzip' });
  });

  test('is the client, with all that it can do', async () => {
    const analytics = bench.open({ flushAt: 1 });
    analytics.track({ userId: 'foo', event: 'bar' });
    expect(analytics.native.flush(20_000)).toMatchObject({ status: 'ok' });
    expect(analytics.native.stats()).toMatchObject({ delivered: 1 });
  });

  test.each([
    [
      'throws',
      (): never => {
        throw new Error('of onError');
      },
    ],
    ['rejects', (): Promise<never> => Promise.reject(new Error('of onError'))],
  ])('takes an onError that %s, without an effect on listeners or the process', async (_how, onError) => {
    const uncaught = vi.fn();
    process.on('unhandledRejection', uncaught);
    try {
      const analytics = bench.open({ flushAt: 1, native: { onError } });
      const errors = vi.fn();
      analytics.on('error', errors);
      analytics.native.track({ userId: 'foo', event: 'bar' }, () => {
        throw new Error('of a callback');
      });
      await analytics.native.flushAsync(20_000);
      await sleep(50);
      expect(errors.mock.calls).toMatchObject([[{ code: 'callback_failed' }]]);
      expect(uncaught).not.toHaveBeenCalled();
    } finally {
      process.off('unhandledRejection', uncaught);
    }
  });
});
