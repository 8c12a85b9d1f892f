// An event with a BigInt, and an event after beforeSend, is serialized exactly as JSON.stringify does it.
import { types } from 'node:util';
import { runInNewContext } from 'node:vm';
import type { OutgoingEvent } from '@offthread/sdk';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { flushed, withApi } from '../helpers/with-api.js';

const bench = withApi();

/** `JSON.rawJSON`, which Node.js 20 doesn't have. */
const rawJson = Reflect.get(JSON, 'rawJSON') as ((text: string) => unknown) | undefined;

/** The result of `JSON.stringify`, with each bigint as a string. */
function expectedText(value: unknown): string {
  return JSON.stringify(value, (_, item: unknown) =>
    typeof item === 'bigint' || types.isBigIntObject(item) ? String(item) : item,
  );
}

function withIterator(list: unknown[]): unknown[] {
  return Object.assign(list, {
    *[Symbol.iterator]() {
      yield 'from the iterator';
    },
  });
}

function proxyOf(target: object): object {
  return new Proxy(target, { get: (on, key, receiver) => Reflect.get(on, key, receiver) });
}

/** A Proxy that `Array.isArray` accepts, with this length. */
function ofLength(length: unknown): object {
  const get = (list: unknown[], key: string | symbol): unknown =>
    key === 'length' ? length : Reflect.get(list, key);
  return new Proxy(['a', 'b', 'c', 'd'], { get });
}

const sparse: unknown[] = [];
sparse[3] = { a: 1 };
class Shape {
  sides = 3;
  toJSON(key: string): object {
    return { key, sides: this.sides, area: undefined, list: [undefined] };
  }
}

/** Values that a copy easily gets wrong. */
const oddities: unknown[] = [
  -0,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  5e-324,
  '\ud800',
  'a\udfffb',
  '\u2028\u0000"\\/\u007f',
  undefined,
  Symbol('s'),
  () => 1,
  Object.assign(() => 1, { toJSON: () => 'a function' }),
  new Date(0),
  new Date(Number.NaN),
  new Map([[1, 2]]),
  new Shape(),
  [new Shape(), new Shape()],
  { toJSON: () => undefined },
  { toJSON: 'no function', a: 1 },
  { toJSON: () => ({ toJSON: () => 'never asked', a: 1 }) },
  { toJSON: () => new Number(1.5) },
  JSON.parse('{"__proto__":{"polluted":true},"constructor":1,"toString":null}'),
  { b: 1, 1: 2, a: 3, 0: 4, '-1': 5, '01': 6 },
  Object.create({ inherited: 1 }, { own: { value: 2, enumerable: true }, hidden: { value: 3 } }),
  Object.create(null),
  sparse,
  Object.assign([1, 2], { extra: 3, length: 5 }),
  withIterator([1, { a: 2 }]),
  proxyOf(sparse),
  proxyOf({ b: [1], a: proxyOf({}) }),
  ...[2.9, -1, '2', Number.NaN, null, undefined, 6].map(ofLength),
  Object(1.5),
  Object(''),
  Object(false),
  Object(Symbol('s')),
  Object.assign(Object(1), { valueOf: () => 5, a: 1 }),
  Object.assign(Object('s'), { toString: () => 'shown', a: 1 }),
  Object.assign(Object(true), { valueOf: () => false }),
  Object.setPrototypeOf(Object(2), null) && Object.setPrototypeOf(Object(true), null),
  ...['1.5', '-0', '"s"', 'true', '7n'].map((code) => runInNewContext(`Object(${code})`)),
  ...['[1, , { a: 2 }]', '({ a: [1] })', 'new Date(0)', 'Object.assign(() => 1, { a: 1 })'].map((code) =>
    runInNewContext(code),
  ),
  ...['12345678901234567890.12', '1e400', '-0', '"\\u0061"', 'null', 'true'].flatMap(
    (text) => rawJson?.(text) ?? [],
  ),
];

const leaf = fc.oneof(
  fc.constantFrom(...oddities),
  fc.string({ unit: 'binary' }),
  fc.double(),
  fc.bigInt(),
  fc.constantFrom<unknown>(null, true, false, 7n, Object(-7n)),
);
const key = fc.oneof(fc.constantFrom('__proto__', '0', '1', '', 'toJSON', '\ud800'), fc.string());
const tree = fc.letrec((tie) => ({
  node: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    { arbitrary: leaf, weight: 3 },
    { arbitrary: fc.array(tie('node'), { maxLength: 4 }), weight: 1 },
    { arbitrary: fc.sparseArray(tie('node'), { maxNumElements: 3, maxLength: 5 }), weight: 1 },
    { arbitrary: fc.dictionary(key, tie('node'), { maxKeys: 4, noNullPrototype: false }), weight: 1 },
  ),
})).node;

const keepAll = (event: OutgoingEvent): OutgoingEvent => event;

describe.each([
  ['beside a BigInt', { big: 1n }, undefined],
  ['after beforeSend', {}, keepAll],
  ['beside a BigInt, after beforeSend', { big: 1n }, [keepAll, keepAll]],
])('%s', (_, extra, beforeSend) => {
  /** Tracks one event for each value and compares the texts that arrive with those of `JSON.stringify`. */
  async function compare(values: readonly unknown[]): Promise<void> {
    await bench.api.reset();
    const all = values.map((value) => ({ properties: { value, ...extra } }));
    const sent = all.filter((each) => expectedText(each).length < 10_000);
    const analytics = bench.open(beforeSend === undefined ? {} : { beforeSend });
    for (const [index, { properties }] of sent.entries()) {
      expect(analytics.track({ userId: 'u', event: `e${index}`, properties })).toBe(true);
    }
    flushed(analytics);
    const requests = await bench.api.requests();
    const bodies = await Promise.all(requests.map(({ sequence }) => bench.api.body(sequence)));
    const texts = bodies.join().split(/(?="event":"e\d+",)/);
    for (const [index, each] of sent.entries()) {
      const expected = `"event":"e${index}",${expectedText(each).slice(1)}`;
      expect(texts[index + 1]?.slice(0, expected.length)).toBe(expected);
    }
  }

  test('every unusual value', async () => {
    await compare(oddities);
    await compare([oddities, Object.fromEntries(oddities.entries())]);
    expect(bench.errors).toEqual([]);
  });

  test('random values with unusual ones among them', async () => {
    await fc.assert(fc.asyncProperty(fc.array(tree, { minLength: 1, maxLength: 25 }), compare), {
      seed: 20_261_124,
      numRuns: 60,
    });
    expect(bench.errors).toEqual([]);
  });

  test('a context with its own library and unusual values', async () => {
    const analytics = bench.open(beforeSend === undefined ? {} : { beforeSend });
    const values = oddities.filter((each) => expectedText([each]) !== '[null]');
    for (const value of values) {
      const context = { toJSON: 'no function', library: 'replaced', value };
      analytics.track({ userId: 'u', event: 'e', context, properties: extra });
    }
    flushed(analytics);
    const contexts = (await bench.api.events()).map(({ context }) => JSON.stringify(context));
    const { library } = JSON.parse(contexts[0] ?? '{}');
    expect(library).toMatchObject({ name: '@offthread/sdk' });
    expect(contexts).toEqual(
      values.map((value) =>
        JSON.stringify(JSON.parse(expectedText({ toJSON: 'no function', library, value }))),
      ),
    );
  });
});

test('a getter and a toJSON are called once, with and without beforeSend', () => {
  for (const settings of [{}, { beforeSend: keepAll }]) {
    const analytics = bench.open(settings);
    const calls: string[] = [];
    const value = {
      toJSON(name: string) {
        calls.push(name);
        return {
          get inner() {
            calls.push('inner');
            return 1;
          },
        };
      },
    };
    analytics.track({ userId: 'u', event: 'e', properties: { value, list: [value] } });
    expect(calls).toEqual(['value', 'inner', '0', 'inner']);
  }
});

test("a context that JSON doesn't write as an object is refused", () => {
  const analytics = bench.open();
  const contexts = [Object('text'), runInNewContext('Object(1)'), rawJson?.('"text"') ?? Object(false)];
  for (const context of contexts) {
    for (const properties of [{}, { big: 1n }]) {
      expect(analytics.track({ userId: 'u', event: 'e', context: Object(context), properties })).toBe(false);
    }
  }
  const message = 'TypeError: The context does not serialize to a JSON object';
  expect(bench.errors.map(({ cause }) => String(cause))).toEqual(Array(6).fill(message));
});
