// beforeSend: what it may do to an event before it is accepted, and how its mistakes are handled.
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { type AnalyticsError, type BeforeSend, type OutgoingEvent, ValidationError } from '@offthread/sdk';
import { createTestAnalytics, type TestAnalytics } from '@offthread/sdk/testing';
import { Big } from 'big.js';
import { Decimal } from 'decimal.js';
import fc from 'fast-check';
import { describe, expect, expectTypeOf, test, vi } from 'vitest';
import { refusedWith, settings } from '../helpers/settings.js';
import { construct } from '../helpers/untyped.js';
import { expectBalanced } from '../helpers/with-api.js';

/** A client whose `onError` is recorded. */
function hooked(beforeSend: unknown, onError = vi.fn<(error: AnalyticsError) => void>()) {
  const analytics = createTestAnalytics({ beforeSend: beforeSend as BeforeSend, onError });
  return { analytics, onError };
}

/** Tracks an event and returns what its callback is called with. */
async function trackOne(analytics: TestAnalytics): Promise<AnalyticsError | undefined> {
  return new Promise((resolve) => {
    expect(analytics.track({ userId: 'u', event: 'e', properties: { a: 1 } }, resolve)).toBe(true);
  });
}

describe('an event', () => {
  test('is sent as the function returns it, changed or replaced', () => {
    const { analytics } = hooked((event: OutgoingEvent) => {
      if (event.event === 'replace') return { userId: 'other', event: 'replaced' };
      event.properties = { ...event.properties, added: true };
      delete event.context?.['ip'];
      return event;
    });
    analytics.track({
      userId: 'u',
      event: 'change',
      properties: { a: 1 },
      context: { ip: '::1', locale: 'eo' },
    });
    analytics.track({ userId: 'u', event: 'replace', properties: { a: 1 } });
    expect(analytics.events).toMatchObject([
      { userId: 'u', event: 'change', properties: { a: 1, added: true }, context: { locale: 'eo' } },
      { userId: 'other', event: 'replaced' },
    ]);
    expect(analytics.events[0]?.context).not.toHaveProperty('ip');
    expect(analytics.events[1]).not.toHaveProperty('properties');
  });

  test('is passed with its type and the fields of the call, without absent ones', () => {
    const seen: OutgoingEvent[] = [];
    const { analytics } = hooked((event: OutgoingEvent) => {
      seen.push(structuredClone(event));
      return event;
    });
    analytics.track({ userId: 7n, event: 'e', timestamp: new Date(0), messageId: 'm', context: null });
    analytics.identify({ anonymousId: 'a', traits: { plan: 'Free' } });
    analytics.page({ userId: 'u', name: 'n', category: 'c' });
    analytics.screen({ userId: 'u', name: 'n' });
    analytics.group({ userId: 'u', groupId: 1 });
    analytics.alias({ userId: 'u', previousId: 'p' });
    expect(seen).toEqual([
      { type: 'track', userId: 7n, event: 'e', timestamp: '1970-01-01T00:00:00.000Z', messageId: 'm' },
      { type: 'identify', anonymousId: 'a', traits: { plan: 'Free' } },
      { type: 'page', userId: 'u', name: 'n', category: 'c' },
      { type: 'screen', userId: 'u', name: 'n' },
      { type: 'group', userId: 'u', groupId: 1 },
      { type: 'alias', userId: 'u', previousId: 'p' },
    ]);
    expect(analytics.events).toHaveLength(6);
  });

  test('passes through a list of functions in order', () => {
    const add = (name: string) => (event: OutgoingEvent) => {
      return { ...event, properties: { path: `${event.properties?.['path']} ${name}` } };
    };
    const { analytics } = hooked([add('one'), add('two'), add('three')]);
    analytics.track({ userId: 'u', event: 'e', properties: { path: 'none' } });
    expect(analytics.events).toMatchObject([{ properties: { path: 'none one two three' } }]);
  });

  test('is the same as without beforeSend if it is returned unchanged, including bigints, decimals and dates', () => {
    const anything = fc.anything({ withBigInt: true, withDate: true, withNullPrototype: true, maxDepth: 4 });
    const exact = fc.bigInt().map((digits) => [digits, new Decimal(`${digits}.5`), new Big(`${digits}.25`)]);
    const plain = createTestAnalytics();
    const { analytics, onError } = hooked((event: OutgoingEvent) => event);
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.oneof(anything, exact)), (properties) => {
        const event = {
          userId: 1n,
          event: 'e',
          properties,
          context: { properties },
          messageId: 'm',
          timestamp: 0,
        };
        for (const each of [plain, analytics]) {
          each.reset();
          expect(each.track(event)).toBe(true);
        }
        expect(analytics.events).toEqual(plain.events);
      }),
    );
    expect(onError).not.toHaveBeenCalled();
  });

  test("of the caller isn't changed, whatever the function does to its copy, at any depth", () => {
    const scramble = (value: unknown): void => {
      if (typeof value !== 'object' || value === null) return;
      for (const each of Object.values(value)) scramble(each);
      if (Array.isArray(value)) value.push('more');
      else {
        for (const key of Object.keys(value)) if (key.length % 2 === 0) Reflect.deleteProperty(value, key);
        Reflect.set(value, 'scrambled', true);
      }
    };
    const { analytics } = hooked((event: OutgoingEvent) => {
      for (const field of [event.properties, event.context, event.integrations]) scramble(field);
      return event;
    });
    const objects = fc.object({ withBigInt: true, withDate: true, maxDepth: 4 });
    fc.assert(
      fc.property(objects, objects, objects, (properties, context, integrations) => {
        const event = { userId: 'u', event: 'e', properties, context, integrations };
        const before = structuredClone(event);
        analytics.track(event);
        expect(event).toEqual(before);
        expect(analytics.events.at(-1)?.properties).toHaveProperty('scrambled', true);
        analytics.reset();
      }),
    );
  });

  test('of the caller may be frozen, and the function sees the results of toJSON', () => {
    class Account {
      readonly #password = 'secret';
      toJSON(): object {
        return { name: 'pat', password: this.#password };
      }
    }
    const account = Object.freeze(new Account());
    const { analytics } = hooked((event: OutgoingEvent) => {
      Reflect.deleteProperty(Object(event.properties?.['account']), 'password');
      return event;
    });
    analytics.track(Object.freeze({ userId: 'u', event: 'e', properties: Object.freeze({ account }) }));
    expect(analytics.events[0]?.properties).toEqual({ account: { name: 'pat' } });
    expect(account.toJSON()).toEqual({ name: 'pat', password: 'secret' });
  });

  test("that is invalid throws, and isn't passed to the function", () => {
    const hook = vi.fn((event: OutgoingEvent) => event);
    const { analytics } = hooked(hook);
    // @ts-expect-error no user
    expect(() => analytics.track({ event: 'e' })).toThrow(ValidationError);
    expect(hook).not.toHaveBeenCalled();
  });

  test("that the queue has no room for is refused, and isn't passed to the function", () => {
    const hook = vi.fn((event: OutgoingEvent) => event);
    const analytics = createTestAnalytics({ beforeSend: hook, maxQueueSize: 1 });
    expect([1, 2].map(() => analytics.track({ userId: 'u', event: 'e' }))).toEqual([true, false]);
    expect(hook).toHaveBeenCalledTimes(1);
  });

  test('that is sent again passes through it again', async () => {
    const { analytics } = hooked((event: OutgoingEvent) => ({ ...event, context: { seen: true } }));
    const library = { name: 'another', version: '1' };
    const sent = { type: 'track', messageId: 'm', userId: 'u', event: 'e', context: { library, ip: '::1' } };
    expect(analytics.resend([sent])).toBe(1);
    expect(analytics.events).toMatchObject([{ messageId: 'm', context: { seen: true, library } }]);
    expect(analytics.events[0]?.context).not.toHaveProperty('ip');
  });
});

describe('null', () => {
  test('drops the event: accepted, counted and reported to the callback and a subscriber, but not an error', async () => {
    const published: unknown[] = [];
    const listen = (message: unknown): unknown => published.push(message);
    subscribe('offthread:dropped', listen);
    const { analytics, onError } = hooked(() => null);
    expect(await trackOne(analytics)).toMatchObject({
      code: 'before_send',
      message: 'beforeSend returned null',
      count: 1,
      events: [{ type: 'track', userId: 'u', event: 'e', properties: { a: 1 } }],
    });
    unsubscribe('offthread:dropped', listen);
    expect(analytics.events).toEqual([]);
    expect(onError).not.toHaveBeenCalled();
    expect(analytics.stats()).toMatchObject({
      ...{ accepted: 1, delivered: 0, failed: 0, pending: 0 },
      ...{ dropped: { before_send: 1 }, refused: {} },
    });
    expectBalanced(analytics.stats());
    expect(published).toMatchObject([{ analytics, count: 1, error: { code: 'before_send' } }]);
  });

  test('from the first function skips the others', () => {
    const second = vi.fn((event: OutgoingEvent) => event);
    const { analytics } = hooked([() => null, second]);
    analytics.track({ userId: 'u', event: 'e' });
    expect(second).not.toHaveBeenCalled();
    expect(analytics.stats().dropped).toEqual({ before_send: 1 });
  });

  test("is reported to the callback before a later flush returns, which doesn't count it as a failure", () => {
    const { analytics } = hooked(() => null);
    const callback = vi.fn();
    analytics.track({ userId: 'u', event: 'e' }, callback);
    expect(callback).not.toHaveBeenCalled();
    expect(analytics.flush()).toMatchObject({ status: 'ok', delivered: 0, failed: 0, pending: 0 });
    expect(callback).toHaveBeenCalledOnce();
  });
});

describe('a mistake of the function drops the event, reports it to the callback and onError, and never throws', () => {
  const cycle: Record<string, unknown> = {};
  cycle['again'] = cycle;

  test.each<[string, (event: OutgoingEvent) => unknown, string]>([
    ['it throws', () => fail(), 'beforeSend threw'],
    [
      'it returns nothing',
      () => {},
      'beforeSend must return the event, or null to drop it; it returned undefined',
    ],
    [
      'it returns a boolean',
      () => true,
      'beforeSend must return the event, or null to drop it; it returned true',
    ],
    ['it returns a list', (event) => [event], 'it returned an array'],
    ['it is asynchronous', async (event) => event, 'synchronously; it returned a Promise'],
    ['it is asynchronous and rejects', async () => fail(), 'synchronously; it returned a Promise'],
    ['it changes the type', (event) => ({ ...event, type: 'page' }), "'track' became 'page'"],
    ['it removes the user', ({ userId: _, ...event }) => event, 'track() needs a userId or an anonymousId'],
    ['it adds a field', (event) => ({ ...event, extra: 1 }), "track() has no field 'extra'"],
    [
      'it replaces the properties by a string',
      (event) => ({ ...event, properties: 'x' }),
      'properties must be an object',
    ],
    [
      'it makes a cycle',
      (event) => ({ ...event, properties: cycle }),
      'an event that cannot be written as JSON',
    ],
    ['it returns a proxy that throws', () => new Proxy({}, { ownKeys: () => fail() }), 'beforeSend threw'],
  ])('%s', async (_, hook, message) => {
    const { analytics, onError } = hooked(hook);
    const reported = await trackOne(analytics);
    expect(reported).toMatchObject({
      code: 'before_send_failed',
      message: expect.stringContaining(message),
      events: [{ type: 'track', userId: 'u', event: 'e', properties: { a: 1 } }],
    });
    expect(onError.mock.calls).toMatchObject([
      [{ code: 'before_send_failed', message: reported?.message, count: 1 }],
    ]);
    expect(analytics.events).toEqual([]);
    expect(analytics.stats()).toMatchObject({ accepted: 1, dropped: { before_send_failed: 1 }, refused: {} });
    expectBalanced(analytics.stats());
  });

  function fail(): never {
    throw new Error('It failed');
  }

  test('and cause is what it threw', async () => {
    const { analytics } = hooked(fail);
    expect(await trackOne(analytics)).toMatchObject({ cause: { message: 'It failed' } });
  });

  test("doesn't affect the next event", () => {
    const { analytics } = hooked((event: OutgoingEvent) => (event.event === 'bad' ? fail() : event));
    for (const event of ['good', 'bad', 'good']) analytics.track({ userId: 'u', event });
    expect(analytics.events).toHaveLength(2);
  });

  test('includes tracking with its own client, which would never end', () => {
    const { analytics, onError } = hooked((event: OutgoingEvent): OutgoingEvent => {
      analytics.track({ userId: 'u', event: 'inner' });
      return event;
    });
    expect(analytics.track({ userId: 'u', event: 'outer' })).toBe(true);
    expect(analytics.events).toMatchObject([{ event: 'outer' }]);
    expect(onError.mock.calls).toMatchObject([
      [
        {
          code: 'before_send_failed',
          message: 'beforeSend must not track events with the client that calls it',
        },
      ],
    ]);
  });

  test('includes closing its own client, which refuses the event', async () => {
    const { analytics } = hooked((event: OutgoingEvent): OutgoingEvent => {
      void analytics.close();
      return event;
    });
    expect(analytics.track({ userId: 'u', event: 'e' })).toBe(false);
    expect(analytics.stats()).toMatchObject({ accepted: 0, pending: 0, refused: { closed: 1 } });
  });

  test("doesn't include errors of the caller: an event that throws while it is copied is refused as usual", () => {
    const { analytics, onError } = hooked((event: OutgoingEvent) => event);
    expect(analytics.track({ userId: 'u', event: 'e', properties: cycle })).toBe(false);
    expect(onError.mock.calls).toMatchObject([[{ code: 'unserializable' }]]);
    expect(analytics.stats()).toMatchObject({ accepted: 0, refused: { unserializable: 1 } });
  });
});

describe('the setting', () => {
  test('is a function or a list of functions, which may be empty', () => {
    for (const beforeSend of [() => null, [], [() => null], undefined]) construct(settings({ beforeSend }));
    const expected = "Setting 'beforeSend' must be a function or a list of functions; got ";
    expect(refusedWith({ beforeSend: 'drop' })).toBe(`${expected}'drop'`);
    expect(refusedWith({ beforeSend: null })).toBe(`${expected}null`);
    expect(refusedWith({ beforeSend: [() => null, {}] })).toBe(`${expected}an object`);
  });

  test('has types that allow a function to change its event', () => {
    expectTypeOf<BeforeSend>().parameters.toEqualTypeOf<[OutgoingEvent]>();
    expectTypeOf(async (event: OutgoingEvent) => event).not.toExtend<BeforeSend>();
    expectTypeOf((_event: OutgoingEvent) => undefined).not.toExtend<BeforeSend>();
    const beforeSend: BeforeSend = (event) => {
      event.userId = String(event.userId);
      // @ts-expect-error the type of an event stays
      event.type = 'page';
      return event;
    };
    expect(createTestAnalytics({ beforeSend })).toBeDefined();
  });
});
