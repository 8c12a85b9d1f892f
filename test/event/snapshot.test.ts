// An event is sent as it was at the call, in the form that JSON gives it.
import { describe, expect, test } from 'vitest';
import { flushed, withApi } from '../helpers/with-api.js';

const bench = withApi();

/** A BigInt in the properties sends an event as a snapshot, which the worker writes as JSON. */
const WAYS: [string, object][] = [
  ['as JSON text', {}],
  ['as a snapshot', { big: 1n }],
];

/** Returns the properties as they arrive, without the BigInt. */
async function arrived(properties: object): Promise<Record<string, unknown>> {
  const analytics = bench.open();
  expect(analytics.track({ userId: 'u', event: 'e', properties })).toBe(true);
  flushed(analytics);
  const [event] = await bench.api.events();
  const { big: _, ...rest } = event?.properties ?? {};
  return rest;
}

describe.each(WAYS)('%s', (_, extra) => {
  test("changes by the caller after the call don't affect what is sent", async () => {
    const analytics = bench.open();
    const list: unknown[] = [1, { deep: 'before' }];
    const event = {
      userId: 'u',
      event: 'e',
      properties: { ...extra, list, date: new Date(0), gone: 'here' },
      context: { ip: '1.1.1.1', page: { path: '/before' } },
      integrations: { All: true },
      timestamp: new Date(0),
      messageId: 'before',
    };
    analytics.track(event);
    event.userId = 'changed';
    list.push('after');
    Object.assign(Object(list[1]), { deep: 'after' });
    event.properties.date.setFullYear(1999);
    Reflect.deleteProperty(event.properties, 'gone');
    event.context.page.path = '/after';
    event.context = { ip: '2.2.2.2', page: { path: '/other' } };
    event.integrations.All = false;
    event.timestamp.setFullYear(1999);
    event.messageId = 'after';
    flushed(analytics);
    const [sent] = await bench.api.events();
    expect(sent).toMatchObject({
      userId: 'u',
      properties: { list: [1, { deep: 'before' }], date: '1970-01-01T00:00:00.000Z', gone: 'here' },
      context: { ip: '1.1.1.1', page: { path: '/before' } },
      integrations: { All: true },
      timestamp: '1970-01-01T00:00:00.000Z',
      messageId: 'before',
    });
    expect(sent?.properties?.['list']).toHaveLength(2);
  });

  test('one object reused for many events is sent as many events', async () => {
    const analytics = bench.open();
    const properties = { ...extra, index: 0 };
    for (properties.index = 0; properties.index < 300; properties.index++) {
      analytics.track({ userId: 'u', event: 'e', properties });
    }
    flushed(analytics);
    const indices = (await bench.api.events()).map((event) => event.properties?.['index']);
    expect(indices).toEqual(Array.from({ length: 300 }, (__, index) => index));
  });

  test('Dates arrive as ISO 8601 with milliseconds at any depth, and an invalid one as null', async () => {
    const date = new Date('2026-11-24T12:00:00Z');
    const text = '2026-11-24T12:00:00.000Z';
    const nested = { date, list: [date, [date, { date }]], a: { b: { c: { d: { e: [{ date }] } } } } };
    expect(await arrived({ ...extra, ...nested, invalid: new Date(Number.NaN) })).toEqual({
      date: text,
      list: [text, [text, { date: text }]],
      a: { b: { c: { d: { e: [{ date: text }] } } } },
      invalid: null,
    });
  });

  test('toJSON is called on the object itself, with the key', async () => {
    const asked: string[] = [];
    class Money {
      readonly #cents: number;
      constructor(cents: number) {
        this.#cents = cents;
      }
      toJSON(key: string): object {
        asked.push(key);
        return { euros: this.#cents / 100, paid: new Date(0) };
      }
    }
    const expected = { euros: 12.5, paid: '1970-01-01T00:00:00.000Z' };
    const price = new Money(1250);
    expect(await arrived({ ...extra, price, list: ['x', price] })).toEqual({
      price: expected,
      list: ['x', expected],
    });
    expect(asked.slice(-2)).toEqual(['price', '1']);
  });

  test('toJSON of the properties, of a primitive and of a function is called as JSON does', async () => {
    const properties = {
      hidden: 1,
      toJSON: (key: string) => ({ ...extra, key, text: { toJSON: () => 'x' } }),
    };
    expect(await arrived(properties)).toEqual({ key: 'properties', text: 'x' });
    await bench.api.reset();
    const method = Object.assign(() => 1, { toJSON: () => 'a function' });
    expect(await arrived({ ...extra, method, nothing: { toJSON: () => undefined } })).toEqual({
      method: 'a function',
    });
  });

  test('class instances arrive with their visible properties', async () => {
    class Point {
      x = 1;
      y: number | undefined;
      #secret = 'hidden';
      static z = 3;
      get length(): number {
        return this.#secret.length;
      }
      move(): void {}
    }
    class Pixel extends Point {
      colour = 'red';
    }
    expect(await arrived({ ...extra, pixel: new Pixel(), points: [new Point()] })).toEqual({
      pixel: { x: 1, colour: 'red' },
      points: [{ x: 1 }],
    });
  });

  test('getters are read at the call', async () => {
    let reads = 0;
    const analytics = bench.open();
    const properties = {
      ...extra,
      get now(): string {
        reads += 1;
        return 'read';
      },
    };
    analytics.track({ userId: 'u', event: 'e', properties });
    const readsAtCall = reads;
    expect(readsAtCall).toBeGreaterThan(0);
    flushed(analytics);
    expect((await bench.api.events())[0]?.properties?.['now']).toBe('read');
    expect(reads).toBe(readsAtCall);
  });

  test("values that JSON can't express arrive as JSON.stringify writes them", async () => {
    const sparse: unknown[] = [];
    sparse[2] = 'x';
    const given = {
      nothing: undefined,
      list: [undefined, () => 1, Symbol('s'), Number.NaN],
      method() {},
      symbol: Symbol('s'),
      [Symbol('key')]: 1,
      numbers: [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0],
      boxed: [new Number(1.5), new String('s'), new Boolean(false), new Number(Number.NaN)],
      sparse,
      map: new Map([[1, 2]]),
      set: new Set([1]),
      error: new Error('lost'),
      pattern: /x/g,
      bytes: Buffer.from('ab'),
      array: new Uint8Array([7, 8]),
      arguments: Object.assign([1, 2], { extra: 3 }),
      plain: Object.assign(Object.create(null), { a: 1 }),
      inherited: Object.create({ a: 1 }),
    };
    expect(await arrived({ ...extra, ...given })).toEqual(JSON.parse(JSON.stringify(given)));
  });
});
