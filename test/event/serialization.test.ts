// Numbers that are too large for JSON arrive as exact strings, everything else as JSON.stringify writes it.
import { serialize as v8Serialize } from 'node:v8';
import { serializeSnapshot } from '@offthread/worker/frame/serialize-snapshot';
import { Big } from 'big.js';
import { BigNumber } from 'bignumber.js';
import { Decimal } from 'decimal.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { flushed, withApi } from '../helpers/with-api.js';

/** Every kind of value that fast-check generates, if it can be compared. */
const ALL_KINDS: fc.ObjectConstraints = {
  withBoxedValues: true,
  withMap: true,
  withNullPrototype: true,
  withObjectString: true,
  withSet: true,
  withSparseArray: true,
  withTypedArray: true,
  stringUnit: 'binary',
};

const bench = withApi();

const DIGITS = '1234567890123456789.98765432109876543210987654321';
const WHOLE = '123456789012345678901234567890';

/** One value of each kind that is exact beyond a float, and its text on arrival. */
const EXACT: [string, unknown, string][] = [
  ['a bigint', 123456789012345678901234567890n, WHOLE],
  ['a negative bigint', -9007199254740993n, '-9007199254740993'],
  ['a small bigint', 7n, '7'],
  ['a bigint in a box', Object(7n), '7'],
  ['decimal.js', new Decimal(DIGITS), DIGITS],
  ['decimal.js, whole', new Decimal('-9007199254740993'), '-9007199254740993'],
  ['big.js', new Big(DIGITS), DIGITS],
  ['bignumber.js', new BigNumber(DIGITS), DIGITS],
  ['decimal.js, huge', new Decimal('1234567890123456789012345'), '1.234567890123456789012345e+24'],
  ['decimal.js, tiny', new Decimal('1.000000000000000000001e-30'), '1.000000000000000000001e-30'],
];

/** Like `JSON.stringify`, with each bigint as a string of its digits. */
function expectedText(value: unknown): string {
  return JSON.stringify(value, (_, item: unknown) =>
    typeof item === 'bigint' || item instanceof BigInt ? String(item) : item,
  );
}

/** Returns the text of the properties that arrive, for each event of one batch. */
async function arrive(list: readonly object[]): Promise<string[]> {
  const analytics = bench.open();
  for (const properties of list) analytics.track({ userId: 'u', event: 'e', properties });
  flushed(analytics);
  return (await bench.api.events()).map(({ properties }) => JSON.stringify(properties));
}

describe('exact numbers', () => {
  test.each(EXACT)('%s arrives as exact text, anywhere in an event', async (_, value, text) => {
    const analytics = bench.open();
    const place = { value, list: [value, [[value]]], deep: { a: [{ b: { c: [value] } }] } };
    const expected = { value: text, list: [text, [[text]]], deep: { a: [{ b: { c: [text] } }] } };
    analytics.track({ userId: 'u', event: 'e', properties: place, context: { place } });
    analytics.identify({ userId: 'u', traits: place, integrations: { place } });
    analytics.group({ userId: 'u', groupId: 'g', traits: place });
    flushed(analytics);
    const [track, identify, group] = await bench.api.events();
    expect(track?.properties).toEqual(expected);
    expect(track?.context?.['place']).toEqual(expected);
    expect(identify?.traits).toEqual(expected);
    expect(identify?.integrations).toEqual({ place: expected });
    expect(group?.traits).toEqual(expected);
  });

  test('of all kinds arrive together in one event, beside ordinary numbers', async () => {
    const properties = {
      exact: EXACT.map(([, value]) => value),
      numbers: [39.95, 0, -1.5e-7, 1e21, Number.MAX_SAFE_INTEGER, Number.MIN_VALUE],
      when: new Date(0),
    };
    const [text = ''] = await arrive([properties]);
    expect(JSON.parse(text)).toEqual({
      exact: EXACT.map(([, , exact]) => exact),
      numbers: [39.95, 0, -1.5e-7, 1e21, Number.MAX_SAFE_INTEGER, Number.MIN_VALUE],
      when: '1970-01-01T00:00:00.000Z',
    });
  });

  test('an ordinary number stays a number if the event has no other kind', async () => {
    expect(await arrive([{ revenue: 39.95, count: 3, big: 1e300 }])).toEqual([
      '{"revenue":39.95,"count":3,"big":1e+300}',
    ]);
  });

  test('a bigint with a toJSON, which many programs add, arrives as its result', async () => {
    Object.defineProperty(BigInt.prototype, 'toJSON', {
      value: (...given: [key: string]) => `asked for ${given[0]}`,
      configurable: true,
    });
    try {
      expect(await arrive([{ value: 5n, list: [6n] }])).toEqual([
        '{"value":"asked for value","list":["asked for 0"]}',
      ]);
    } finally {
      Reflect.deleteProperty(BigInt.prototype, 'toJSON');
    }
  });

  test('are in the events of onError too, and can be sent again', async () => {
    await bench.api.script([{ type: 'answer', status: 403 }]);
    const analytics = bench.open();
    const properties = { exact: 123456789012345678901234567890n, price: new Decimal(DIGITS) };
    analytics.track({ userId: 'u', event: 'e', properties });
    flushed(analytics);
    const event = bench.errors[0]?.events[0];
    expect(event).toMatchObject({ properties: { price: DIGITS } });
    const { userId, properties: again } = event as { userId: string; properties: object };
    analytics.track({ userId, event: 'again', properties: again });
    flushed(analytics);
    expect(await bench.api.events()).toMatchObject([{ properties: { exact: WHOLE, price: DIGITS } }]);
  });

  test('are written by the worker, from a snapshot that the main thread takes', () => {
    const event = '{"a":"mark0","b":[{"c":"mark1","d":"ä😀\\ud800","e":1.5}],"f":"mark2."}';
    const text = Buffer.from(serializeSnapshot(v8Serialize([event, 'mark', 1n, -2n]))).toString();
    expect(text).toBe('{"a":"1","b":[{"c":"-2","d":"ä😀\\ud800","e":1.5}],"f":"mark2."}');
  });
});

describe('any value that JSON can hold', () => {
  const oddities = fc.constantFrom<unknown>(
    undefined,
    Number.NaN,
    Number.NEGATIVE_INFINITY,
    -0,
    Symbol('s'),
    () => 1,
    new Date(Number.NaN),
    new Date(1_796_000_000_007),
    '\ud800',
    'a\udfffb',
    '\u2028\u0000"\\/',
    '😀',
    new Decimal(DIGITS),
    new Big('1e-30'),
    new BigNumber('-7.50'),
    { toJSON: (key: string) => `asked for ${key}` },
    { toJSON: () => undefined },
    JSON.parse('{"__proto__":{"polluted":true},"constructor":1,"toString":null}'),
  );
  const options: fc.ObjectConstraints = {
    maxDepth: 4,
    ...ALL_KINDS,
    withDate: true,
  };
  const plain = fc.oneof(fc.anything(options), oddities, fc.array(oddities, { maxLength: 5 }));
  const withBigInts = fc.oneof(
    fc.anything({ ...options, withBigInt: true }),
    fc.record({ big: fc.bigInt(), odd: oddities, any: fc.anything({ ...options, withBigInt: true }) }),
    fc.array(fc.oneof(fc.bigInt(), oddities), { maxLength: 5 }),
  );
  const run = { seed: 20_261_124, numRuns: 60 };

  /** Excludes `undefined` and events that are too large; both have their own tests. */
  function sendable(values: readonly unknown[]): object[] {
    return values.map((value) => ({ value })).filter((each) => expectedText(each).length < 30_000);
  }

  test('arrives as JSON.stringify writes it', async () => {
    const lists = fc.array(plain, { minLength: 1, maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(lists, async (values) => {
        await bench.api.reset();
        const sent = sendable(values);
        expect(await arrive(sent)).toEqual(
          sent.map((each) => JSON.stringify(JSON.parse(JSON.stringify(each)))),
        );
      }),
      run,
    );
    expect(bench.errors).toEqual([]);
  });

  test('arrives as JSON.stringify writes it, with bigints as text', async () => {
    const lists = fc.array(withBigInts, { minLength: 1, maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(lists, async (values) => {
        await bench.api.reset();
        const sent = sendable(values);
        const expected = sent.map((each) => JSON.stringify(JSON.parse(expectedText(each))));
        expect(await arrive(sent)).toEqual(expected);
      }),
      run,
    );
    expect(bench.errors).toEqual([]);
  });
});

describe('hostile values', () => {
  /**
   * Tracks the event between two others, which must arrive. Returns whether it was accepted, and what arrived of it.
   */
  async function between(event: object, type: 'track' | 'page' = 'track'): Promise<[boolean, unknown[]]> {
    const analytics = bench.open();
    expect(analytics.track({ userId: 'u', event: 'before' })).toBe(true);
    const accepted: boolean = Reflect.apply(analytics[type], analytics, [event]);
    expect(analytics.track({ userId: 'u', event: 'after' })).toBe(true);
    flushed(analytics);
    const texts = (await bench.api.requests()).map(({ sequence }) => bench.api.body(sequence));
    const all = (await Promise.all(texts)).flatMap((text) => JSON.parse(text).batch);
    expect(all[0]).toMatchObject({ event: 'before' });
    expect(all.at(-1)).toMatchObject({ event: 'after' });
    const arrived = all.slice(1, -1);
    expect(arrived).toHaveLength(accepted ? 1 : 0);
    const expected = accepted
      ? []
      : [expect.objectContaining({ code: 'unserializable', count: 1, attempts: 0 })];
    expect(bench.errors).toEqual(expected);
    expect(analytics.stats().refused).toEqual(accepted ? {} : { unserializable: 1 });
    return [accepted, arrived];
  }

  function track(properties: unknown): object {
    return { userId: 'u', event: 'hostile', properties };
  }

  function thrown(): never {
    throw new Error('thrown on purpose');
  }

  const cycle: Record<string, unknown> = { a: [{}] };
  cycle['b'] = [{ cycle }];
  const revoked = Proxy.revocable({}, {});
  revoked.revoke();
  const getter = Object.defineProperty({}, 'x', { get: thrown, enumerable: true });

  test.each<[string, object]>([
    ['a cycle', track(cycle)],
    ['a cycle beside a bigint', track({ big: 1n, cycle })],
    ['a cycle of toJSON', track({ toJSON: () => ({ cycle }) })],
    ['a getter that throws', track(getter)],
    ['a getter that throws beside a bigint', track({ big: 1n, getter })],
    [
      'a getter that throws in place of a field',
      Object.defineProperty({ userId: 'u' }, 'event', { get: thrown, enumerable: true }),
    ],
    ['a getter that throws in context', { ...track({}), context: getter }],
    ['a toJSON that throws', track({ toJSON: thrown })],
    ['a toJSON that throws beside a bigint', track({ big: 1n, deep: [{ toJSON: thrown }] })],
    [
      'a toJSON that throws undefined',
      track({
        toJSON: () => {
          throw undefined;
        },
      }),
    ],
    ['a revoked Proxy as properties', track({ list: [revoked.proxy] })],
    ['a revoked Proxy as the event', revoked.proxy],
    ['a Proxy that throws in every trap', new Proxy({}, new Proxy({}, { get: () => thrown }))],
  ])('%s: only this event is refused, and onError has the cause', async (_, event) => {
    expect(await between(event)).toEqual([false, []]);
    const cause = bench.errors[0]?.cause;
    if (cause !== undefined) expect(cause).toBeInstanceOf(Error);
    expect(bench.errors[0]?.message).toBe('The event cannot be written as JSON');
  });

  test('cause a refusal wherever JSON.stringify throws, without affecting other events', async () => {
    const throwing: ProxyHandler<object> = { ownKeys: thrown, get: thrown };
    const values = [
      fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)) }),
      fc.double(),
      fc.bigInt(),
      fc.constantFrom<unknown>(
        undefined,
        null,
        true,
        Symbol('s'),
        () => 1,
        new Date(Number.NaN),
        ...EXACT.map(([, value]) => value),
      ),
      fc.constantFrom<unknown>(new Proxy([1, { a: 2n }], {}), new Proxy({ a: [2] }, {}), nested(300), {
        toJSON: () => 3n,
      }),
      // Behind a toJSON, because fast-check inspects the values that it generates.
      fc.constantFrom<unknown>(
        ...[cycle, getter, nested(100_000), revoked.proxy, new Proxy({}, throwing), { toJSON: thrown }].map(
          (value) => ({ toJSON: () => value }),
        ),
        { toJSON: thrown },
      ),
    ];
    const value = fc.anything({
      maxDepth: 3,
      ...ALL_KINDS,
      values,
    });
    const fields = fc.record(
      { properties: fc.record({ value }), context: fc.record({ value }) },
      { requiredKeys: [] },
    );
    const reached = new Set<boolean>();
    await fc.assert(
      fc.asyncProperty(fc.array(fields, { minLength: 5, maxLength: 30 }), async (list) => {
        await bench.api.reset();
        const analytics = bench.open();
        const expected: (string | undefined)[] = [];
        for (const each of list) {
          const text = textOrNone(each);
          if (text !== undefined && text.length > 30_000) continue;
          const taken = analytics.track({ userId: 'u', event: 'e', ...each });
          expect(taken).toBe(text !== undefined);
          reached.add(taken);
          if (taken) expected.push(text);
        }
        flushed(analytics);
        const arrived = (await bench.api.events()).map(({ properties, context }) => {
          const { library: _, ...rest } = context ?? {};
          return JSON.stringify({ ...(properties && { properties }), context: rest });
        });
        const full = expected.map((text = '') => {
          const { context = {}, ...rest } = JSON.parse(text);
          return JSON.stringify({ ...rest, context });
        });
        expect(arrived).toEqual(full);
        expect(analytics.stats().pending).toBe(0);
      }),
      { seed: 20_261_124, numRuns: 60 },
    );
    expect(reached.size).toBe(2);
    expect(new Set(bench.errors.map(({ code }) => code))).toEqual(new Set(['unserializable']));
  });

  /** What JSON makes of it, with each bigint as text, or undefined if it throws. */
  function textOrNone(value: unknown): string | undefined {
    try {
      return expectedText(value);
    } catch {
      return undefined;
    }
  }

  function nested(levels: number, leaf: unknown = 1): unknown {
    let value = leaf;
    for (let level = 0; level < levels; level++) value = [value];
    return value;
  }

  test('a cycle is reported by its key, before the stack overflows', async () => {
    await between(track({ big: 1n, cycle }));
    expect(String(bench.errors[0]?.cause)).toBe("TypeError: The event has a cycle at 'cycle'");
  });

  const twice = { a: [1] };

  test.each<[string, unknown, object]>([
    [
      'a Symbol and a function',
      { s: Symbol('s'), f: thrown, list: [Symbol('s'), thrown] },
      { list: [null, null] },
    ],
    [
      'a lone surrogate',
      { text: 'a\ud800b', 'key\udc00': '\udfff' },
      { text: 'a\ud800b', 'key\udc00': '\udfff' },
    ],
    ['an invalid Date and NaN', { d: new Date(Number.NaN), n: Number.NaN }, { d: null, n: null }],
    ['one object in two places', { one: twice, other: [twice] }, { one: twice, other: [twice] }],
    ['a Proxy of an object', new Proxy({ a: [1] }, {}), { a: [1] }],
    ['a Proxy of an array', { list: new Proxy([1, { a: 2 }], {}) }, { list: [1, { a: 2 }] }],
    ['control characters', { '\u0000': '\u001f\u007f\u2028' }, { '\u0000': '\u001f\u007f\u2028' }],
    ['a string that looks like the end of a batch', { x: '"}],"sentAt":""}' }, { x: '"}],"sentAt":""}' }],
  ])('%s arrives as JSON writes it', async (_, properties, expected) => {
    expect(await between(track(properties))).toEqual([
      true,
      [expect.objectContaining({ properties: expected })],
    ]);
    await bench.api.reset();
    const [, [arrived]] = await between(track({ big: 1n, properties }));
    expect(arrived).toMatchObject({ properties: { big: '1', properties: expected } });
  });

  test('a key named __proto__ is an ordinary key on both threads and in onError', async () => {
    const text = '{"__proto__":{"admin":true},"a":1,"deep":[{"__proto__":null}]}';
    await bench.api.script([{ type: 'answer', status: 403 }]);
    const analytics = bench.open({ batchSize: 2 });
    const properties = { value: JSON.parse(text) };
    const events = [{ properties }, { properties: { ...properties, big: 1n } }];
    for (const each of [...events, ...events]) analytics.track({ userId: 'u', event: 'e', ...each });
    flushed(analytics);
    const seen = [...(bench.errors[0]?.events ?? []), ...(await bench.api.events())];
    expect(seen).toHaveLength(4);
    for (const each of seen) expect(JSON.stringify(Object(each['properties']).value)).toBe(text);
    expect(Object.hasOwn(Object.prototype, 'admin')).toBe(false);
  });

  test.each([
    ['numbers', 1, '1'],
    ['bigints', 1n, '"1"'],
  ])(
    'arrays nested to a depth of 10,000 around %s arrive whole, or only this event is refused',
    async (_, leaf, text) => {
      const [accepted] = await between(track({ nested: nested(10_000, leaf) }));
      if (accepted) {
        const body = await bench.api.body(1);
        expect(body).toContain('['.repeat(10_000) + text + ']'.repeat(10_000));
      } else expect(bench.errors[0]?.cause).toBeInstanceOf(RangeError);
    },
  );

  test.each([300, 1_000])('arrays nested to a depth of %d arrive whole', async (depth) => {
    for (const [leaf, text] of [
      [1, '1'],
      [1n, '"1"'],
    ]) {
      await bench.api.reset();
      expect((await between(track({ nested: nested(depth, leaf) })))[0]).toBe(true);
      const bodies = await Promise.all(
        (await bench.api.requests()).map(({ sequence }) => bench.api.body(sequence)),
      );
      expect(bodies.join()).toContain('['.repeat(depth) + text + ']'.repeat(depth));
    }
  });

  test('an event that changes each time it is read affects no other event', async () => {
    for (const readsWithId of [1, 2]) {
      await bench.api.reset();
      bench.errors.length = 0;
      let reads = 0;
      const shifty = Object.defineProperty({}, 'userId', {
        get: () => (reads++ < readsWithId ? 'u' : undefined),
        enumerable: true,
      });
      const analytics = bench.open();
      analytics.track({ userId: 'u', event: 'before' });
      expect(Reflect.apply(analytics.page, analytics, [shifty])).toBe(true);
      analytics.track({ userId: 'u', event: 'after' });
      flushed(analytics);
      expect((await bench.api.events()).flatMap(({ event }) => event ?? [])).toEqual(['before', 'after']);
      expect(analytics.stats().pending).toBe(0);
    }
  });

  test('a long text of characters that grow in JSON arrives, or is reported as too large', async () => {
    const analytics = bench.open();
    analytics.track({ userId: 'u', event: 'fits', properties: { text: '\u0001'.repeat(5_000) } });
    analytics.track({ userId: 'u', event: 'grows', properties: { text: '\u0001'.repeat(6_000) } });
    analytics.track({ userId: 'u', event: 'grows', properties: { text: '\u0001'.repeat(6_000), big: 1n } });
    flushed(analytics);
    expect((await bench.api.events()).map(({ event }) => event)).toEqual(['fits']);
    expect(bench.errors.map(({ code }) => code)).toEqual(['event_too_large', 'event_too_large']);
  });
});
