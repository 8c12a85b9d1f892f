// withContext(): what events inherit from the code around them, however it continues, and what they don't.
import { execFile } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { setImmediate, setTimeout } from 'node:timers/promises';
import { promisify } from 'node:util';
import {
  type Analytics,
  type AnalyticsError,
  type ScopedAnalytics,
  type ScopeFields,
  type ScopeSource,
  type TrackEvent,
  ValidationError,
} from '@offthread/sdk';
import type { RequestAnalytics } from '@offthread/sdk/fastify';
import { createTestAnalytics, type RecordedEvent } from '@offthread/sdk/testing';
import fc from 'fast-check';
import { describe, expect, expectTypeOf, test } from 'vitest';
import { refusal } from '../helpers/untyped.js';
import { flushed, withApi } from '../helpers/with-api.js';

const bench = withApi();

/** Allows calls without a user, which don't compile outside of a scope. */
function scoped(analytics: Analytics): ScopedAnalytics {
  return analytics;
}

/** The user of each event. */
function ids(events: readonly RecordedEvent[]): (string | undefined)[] {
  return events.map(({ userId }) => userId);
}

describe('an event inherits', () => {
  test('ids, context and integrations, whatever its type', () => {
    const analytics = createTestAnalytics();
    const fields = { userId: 7n, anonymousId: 'a', context: { ip: '::1' }, integrations: { All: false } };
    const result = analytics.withContext(fields, (within) => {
      expect(within).toBe(analytics);
      within.identify({ traits: { plan: 'Free' } });
      within.track({ event: 'e' });
      within.page({});
      within.screen({ name: 's' });
      within.group({ groupId: 1 });
      within.alias({ previousId: 'p' });
      return 'result';
    });
    expect(result).toBe('result');
    const common = { userId: '7', context: { ip: '::1' }, integrations: { All: false } };
    expect(analytics.events).toMatchObject(
      ['identify', 'track', 'page', 'screen', 'group', 'alias'].map((type) => ({ type, ...common })),
    );
    expect(analytics.events.map(({ anonymousId }) => anonymousId)).toEqual([
      ...Array(5).fill('a'),
      undefined,
    ]);
  });

  test('only what it lacks: its own fields win, even null; context and integrations are merged key by key', () => {
    const analytics = createTestAnalytics();
    const outer = {
      ...{ userId: 'outer', anonymousId: 'a' },
      context: { ip: '::1', page: { path: '/', title: 't' } },
      integrations: { All: false, A: true },
    };
    analytics.withContext(outer, (within) => {
      within.track({ event: 'e', userId: 'own', context: { page: { path: '/own' }, locale: 'eo' } });
      within.track({ event: 'e', anonymousId: null, context: null, integrations: { A: false } });
      within.track({ event: 'e', userId: undefined, integrations: null });
    });
    const [one, two, three] = analytics.events;
    expect(one).toMatchObject({ userId: 'own', anonymousId: 'a' });
    expect(one?.context).toMatchObject({ ip: '::1', page: { path: '/own' }, locale: 'eo' });
    expect(one?.context['page']).toEqual({ path: '/own' });
    expect(Object.keys(two?.context ?? {})).toEqual(['library']);
    expect(two).not.toHaveProperty('anonymousId');
    expect(two?.integrations).toEqual({ All: false, A: false });
    expect(three).toMatchObject({ userId: 'outer', context: { ip: '::1' } });
    expect(three).not.toHaveProperty('integrations');
  });

  test("across awaits, timers, callbacks and work that isn't awaited, and nothing after its end", async () => {
    const analytics = createTestAnalytics();
    const library = scoped(analytics);
    const emitter = new EventEmitter();
    let last: Promise<unknown> | undefined;
    await analytics.withContext({ userId: 'inner' }, async () => {
      await setTimeout(5);
      library.track({ event: 'timer' });
      await setImmediate();
      library.track({ event: 'immediate' });
      await promisify(execFile)(process.execPath, ['--version']);
      library.track({ event: 'process' });
      await Promise.all([once(emitter, 'go'), Promise.resolve().then(() => emitter.emit('go'))]);
      library.track({ event: 'emitter' });
      await new Promise<void>((resolve) => {
        queueMicrotask(() => {
          library.track({ event: 'microtask' });
          process.nextTick(resolve);
        });
      });
      last = setTimeout(20).then(() => library.track({ event: 'not awaited' }));
    });
    expect(() => library.track({ event: 'outside' })).toThrow(ValidationError);
    await last;
    expect(ids(analytics.events)).toEqual(Array(6).fill('inner'));
  });

  test('from its own task, while many tasks run in turns', async () => {
    const analytics = createTestAnalytics();
    const library = scoped(analytics);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(fc.nat(3), { maxLength: 5 }), { maxLength: 20 }), async (tasks) => {
        analytics.reset();
        await Promise.all(
          tasks.map((delays, index) =>
            analytics.withContext({ userId: `user-${index}`, context: { index } }, async () => {
              for (const delay of delays) {
                await (delay === 0 ? setImmediate() : setTimeout(delay));
                library.track({ event: 'e', properties: { index } });
              }
            }),
          ),
        );
        for (const { userId, context, properties } of analytics.tracks) {
          expect([userId, context['index']]).toEqual([
            `user-${properties?.['index']}`,
            properties?.['index'],
          ]);
        }
        expect(analytics.tracks).toHaveLength(tasks.flat().length);
      }),
      { numRuns: 20 },
    );
  });

  test('from all enclosing scopes, the innermost first, as if they had been merged', () => {
    const id = fc.option(fc.constantFrom('x', 'y', 1, 2n), { nil: undefined });
    const maybe = <T>(value: fc.Arbitrary<T>) => fc.oneof(value, fc.constantFrom(undefined, null));
    const bag = maybe(fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.integer()));
    const level = fc.record({ userId: maybe(id), anonymousId: maybe(id), context: bag, integrations: bag });
    fc.assert(
      fc.property(fc.array(fc.tuple(level, fc.boolean()), { maxLength: 5 }), level, (levels, own) => {
        const analytics = createTestAnalytics();
        const track = (): unknown =>
          scoped(analytics).track({ event: 'e', ...own, messageId: 'm', timestamp: 0 });
        const nested = levels.reduceRight((run: () => unknown, [fields, isLazy]) => {
          return () => analytics.withContext(isLazy ? () => fields : fields, run);
        }, track);
        const merged = [...levels.map(([fields]) => fields), own].reduce<ScopeFields>((outer, inner) => {
          const keys = (a: unknown, b: unknown): unknown =>
            b === undefined ? a : b === null ? null : { ...Object(a), ...Object(b) };
          return {
            userId: inner.userId === undefined ? outer.userId : inner.userId,
            anonymousId: inner.anonymousId === undefined ? outer.anonymousId : inner.anonymousId,
            context: keys(outer.context, inner.context) as object,
            integrations: keys(outer.integrations, inner.integrations) as object,
          };
        }, {});
        const plain = createTestAnalytics();
        const expected = { event: 'e', ...merged, messageId: 'm', timestamp: 0 } as TrackEvent;
        if (merged.userId == null && merged.anonymousId == null) expect(nested).toThrow('needs a userId');
        else {
          nested();
          plain.track(expected);
        }
        expect(analytics.events).toEqual(plain.events);
      }),
    );
  });

  test('what a function returns at that moment, and only events call the function', () => {
    const analytics = createTestAnalytics();
    let asked = 0;
    const source = (): ScopeFields => ({ userId: `user-${++asked}` });
    analytics.withContext(source, (within) => {
      expect(asked).toBe(0);
      within.track({ event: 'e' });
      analytics.withContext({ context: { deeper: true } }, () => within.track({ event: 'e' }));
      // If the scope is entered twice, the function is still called once.
      analytics.withContext(source, () => within.track({ event: 'e' }));
    });
    expect(ids(analytics.events)).toEqual(['user-1', 'user-2', 'user-3']);
    expect(analytics.events[1]?.context).toMatchObject({ deeper: true });
    analytics.withContext(
      () => undefined,
      () => expect(() => scoped(analytics).track({ event: 'e' })).toThrow('needs a userId'),
    );
  });

  test('what the fields were when the scope was entered', () => {
    const analytics = createTestAnalytics();
    const context = { ip: '::1' };
    const fields = { userId: 'before', context };
    analytics.withContext(fields, (within) => {
      fields.userId = 'after';
      context.ip = 'after';
      within.track({ event: 'e' });
    });
    expect(analytics.events).toMatchObject([{ userId: 'before', context: { ip: '::1' } }]);
  });

  test('from scopes of its own client only', () => {
    const [one, two] = [createTestAnalytics(), createTestAnalytics()];
    one.withContext({ userId: 'one' }, () => {
      two.withContext({ anonymousId: 'two' }, () => {
        scoped(one).track({ event: 'e' });
        scoped(two).track({ event: 'e' });
      });
      expect(() => scoped(two).track({ event: 'e' })).toThrow('needs a userId');
    });
    expect(one.events[0]).toMatchObject({ userId: 'one' });
    expect(one.events[0]).not.toHaveProperty('anonymousId');
    expect(two.events[0]).toMatchObject({ anonymousId: 'two' });
    expect(two.events[0]).not.toHaveProperty('userId');
  });

  test('in the same way over the network, with bigints, decimals and its own ids', async () => {
    const analytics = bench.open();
    analytics.withContext({ userId: 'u', context: { cents: 9007199254740993n } }, (within) => {
      within.track({ event: 'e', messageId: 'm', timestamp: 0 });
      within.track({ event: 'e' });
    });
    flushed(analytics);
    const common = {
      userId: 'u',
      context: { cents: '9007199254740993', library: { name: '@offthread/sdk' } },
    };
    expect(await bench.api.events()).toMatchObject([
      { ...common, messageId: 'm', timestamp: '1970-01-01T00:00:00.000Z' },
      common,
    ]);
  });

  test('before beforeSend is called', () => {
    const analytics = createTestAnalytics({ beforeSend: (event) => (event.userId === 'bot' ? null : event) });
    analytics.withContext({ userId: 'bot' }, (within) => within.track({ event: 'e' }));
    expect(analytics.stats().dropped).toEqual({ before_send: 1 });
  });
});

describe('an event that is refused', () => {
  test('is reported with its inherited fields, so that it can be sent again anywhere', () => {
    const errors: AnalyticsError[] = [];
    const analytics = createTestAnalytics({ maxQueueSize: 1, onError: (error) => errors.push(error) });
    analytics.withContext({ userId: 'u', context: { ip: '::1' } }, (within) => {
      expect([1, 2].map(() => within.track({ event: 'e' }))).toEqual([true, false]);
    });
    analytics.flush();
    expect(errors).toMatchObject([{ code: 'queue_full', events: [{ userId: 'u', context: { ip: '::1' } }] }]);
    expect(analytics.resend(errors.flatMap(({ events }) => events))).toBe(1);
  });

  test('by resend() inherits nothing', () => {
    const analytics = createTestAnalytics();
    const sent = { type: 'track', anonymousId: 'a', event: 'e', messageId: 'm' };
    analytics.withContext({ userId: 'u', context: { ip: '::1' } }, () => analytics.resend([sent]));
    expect(analytics.events[0]).not.toHaveProperty('userId');
    expect(analytics.events[0]?.context).not.toHaveProperty('ip');
  });

  test('if a function throws, and the call throws if a function returns a Promise', () => {
    const errors: AnalyticsError[] = [];
    const analytics = createTestAnalytics({ onError: (error) => errors.push(error) });
    const fail = (): never => {
      throw new Error('no session');
    };
    expect(analytics.withContext(fail, (within) => within.track({ event: 'e' }))).toBe(false);
    expect(errors).toMatchObject([{ code: 'unserializable', cause: { message: 'no session' } }]);
    const later = (async () => fail()) as unknown as ScopeSource;
    const track = (): unknown => analytics.withContext(later, (within) => within.track({ event: 'e' }));
    expect(refusal(track).message).toBe(
      'withContext(): the function must return fields synchronously; got a Promise',
    );
  });
});

describe('a mistake', () => {
  const analytics = createTestAnalytics();

  test.each<[unknown, string]>([
    ['u', "withContext() takes an object of fields; got 'u'"],
    [null, 'withContext() takes an object of fields; got null'],
    [{ userID: 'u' }, "withContext() has no field 'userID'; did you mean 'userId'?"],
    [{ userId: '' }, 'withContext(): userId must be a non-empty string'],
    [{ anonymousId: {} }, 'withContext(): anonymousId must be a non-empty string'],
    [{ context: 'c' }, "withContext(): context must be an object; got 'c'"],
    [{ integrations: [] }, 'withContext(): integrations must be an object; got an array'],
  ])("in the fields, like %j, throws at once, and the function isn't called", (fields, message) => {
    const run = (): never => expect.fail('it was called');
    expect(refusal(() => analytics.withContext(fields as ScopeFields, run)).message).toContain(message);
  });

  test('of passing no function throws', () => {
    // @ts-expect-error no function
    expect(refusal(() => analytics.withContext({ userId: 'u' })).message).toContain('takes a function');
  });

  test('in a call within a scope throws as it does outside', () => {
    analytics.withContext({ userId: 'u' }, (within) => {
      // @ts-expect-error no object
      expect(() => within.track('e')).toThrow("track() takes an object of fields; got 'e'");
      // @ts-expect-error no object
      expect(() => within.track([])).toThrow('track() takes an object of fields; got an array');
      // @ts-expect-error no such field
      expect(() => within.track({ event: 'e', propertys: {} })).toThrow("did you mean 'properties'?");
      // @ts-expect-error no object
      expect(() => within.track({ event: 'e', context: 'c' })).toThrow('context must be an object');
    });
  });

  test('that the function throws is rethrown', () => {
    expect(() =>
      analytics.withContext({ userId: 'u' }, () => {
        throw new RangeError('mine');
      }),
    ).toThrow(RangeError);
  });
});

describe('types', () => {
  interface ShopEvents {
    'Order Completed': { revenue: number };
  }

  test('let events within a scope have no user, and keep the event map', () => {
    const typed = createTestAnalytics<ShopEvents>();
    typed.withContext({ userId: 'u' }, (within) => {
      expectTypeOf(within).toEqualTypeOf<ScopedAnalytics<ShopEvents>>();
      within.track({ event: 'Order Completed', properties: { revenue: 1 } });
      // @ts-expect-error a name that isn't in the map
      within.track({ event: 'Order Complete', properties: { revenue: 1 } });
      // @ts-expect-error missing properties
      within.track({ event: 'Order Completed' });
    });
    // @ts-expect-error no user
    expect(() => typed.track({ event: 'Order Completed', properties: { revenue: 1 } })).toThrow('userId');
    expectTypeOf(typed.withContext({}, () => 1 as const)).toEqualTypeOf<1>();
    expectTypeOf(typed.withContext({}, async () => 'x')).toEqualTypeOf<Promise<string>>();
  });

  test('accept any client and any request as a scoped client', () => {
    expectTypeOf<Analytics>().toExtend<ScopedAnalytics>();
    expectTypeOf<Analytics<ShopEvents>>().toExtend<ScopedAnalytics<ShopEvents>>();
    expectTypeOf<RequestAnalytics>().toExtend<ScopedAnalytics>();
    expectTypeOf<RequestAnalytics<ShopEvents>>().toExtend<ScopedAnalytics<ShopEvents>>();
  });
});

test('without a call of withContext() no AsyncLocalStorage is created', async () => {
  const sdk = import.meta.resolve('@offthread/sdk');
  const program = `
    import async_hooks from 'node:async_hooks';
    import { syncBuiltinESMExports } from 'node:module';
    let made = 0;
    const { AsyncLocalStorage } = async_hooks;
    // On Node.js 24 and later, the property has only a getter.
    Object.defineProperty(async_hooks, 'AsyncLocalStorage', { value: class extends AsyncLocalStorage {
      constructor(...given) { super(...given); if (new Error().stack.includes('${new URL('.', sdk)}')) made++; }
    } });
    syncBuiltinESMExports();
    const { Analytics } = await import('${sdk}');
    const analytics = new Analytics({ writeKey: 'KEY', disable: true });
    analytics.track({ userId: 'u', event: 'e' });
    const before = made;
    for (const userId of ['u', 'v']) analytics.withContext({ userId }, () => analytics.track({ event: 'e' }));
    console.log(JSON.stringify({ before, made, accepted: analytics.stats().accepted }));`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program]);
  expect(JSON.parse(stdout)).toEqual({ before: 0, made: 1, accepted: 3 });
});
