// An event that is copied has the same maximum depth on every version of Node.js. Other events may be as deep as JSON
// allows.
import { createHash } from 'node:crypto';
import type { OutgoingEvent } from '@offthread/sdk';
import { describe, expect, test } from 'vitest';
import { flushed, withApi } from '../helpers/with-api.js';

const bench = withApi();

/** Levels of objects and arrays, including the event itself and its properties. */
const MAX_DEPTH = 1_024;

const WRAPS: [string, (inner: unknown) => unknown][] = [
  ['arrays', (inner) => [inner]],
  ['objects', (inner) => ({ a: inner })],
  ['what toJSON gives', (inner) => ({ toJSON: () => ({ a: inner }) })],
  ['Proxies', (inner) => new Proxy({ a: inner }, { get: (on, key, self) => Reflect.get(on, key, self) })],
];

/** Returns an event with that many levels. */
function deepEvent(levels: number, wrap: (inner: unknown) => unknown, leaf: unknown) {
  let value = leaf;
  for (let level = 2; level < levels; level++) value = wrap(value);
  return { userId: 'u', event: 'Deep', properties: { value } };
}

const REASON = `RangeError: The event has more than ${MAX_DEPTH} levels of objects and arrays`;
const keepAll = (event: OutgoingEvent): OutgoingEvent => event;

describe.each(WRAPS)('of %s', (_, wrap) => {
  test.each([
    ['an event with a BigInt', 7n, {}],
    ['an event that beforeSend sees', 7, { beforeSend: keepAll }],
    ['an event with a BigInt that beforeSend sees', 7n, { beforeSend: keepAll }],
  ])('%s may have 1,024 levels, and is refused with one more', async (__, leaf, settings) => {
    const analytics = bench.open(settings);
    expect(analytics.track(deepEvent(MAX_DEPTH, wrap, leaf))).toBe(true);
    expect(analytics.track(deepEvent(MAX_DEPTH + 1, wrap, leaf))).toBe(false);
    expect(analytics.track(deepEvent(100_000, wrap, leaf))).toBe(false);
    flushed(analytics);
    const arrived = await bench.api.body(1);
    const expected = JSON.stringify(deepEvent(MAX_DEPTH, wrap, String(leaf)).properties);
    expect(arrived).toContain(
      `"properties":${typeof leaf === 'bigint' ? expected : expected.replaceAll('"7"', '7')}`,
    );
    expect(bench.errors).toMatchObject([{ code: 'unserializable' }, { code: 'unserializable' }]);
    for (const { cause } of bench.errors) expect(String(cause)).toContain(REASON);
  });

  test('a failed event of 1,024 levels with a BigInt is passed to onError, and can be sent again', async () => {
    await bench.api.script([{ type: 'answer', status: 403 }]);
    const analytics = bench.open();
    analytics.track(deepEvent(MAX_DEPTH, wrap, 7n));
    flushed(analytics);
    const events = bench.errors[0]?.events ?? [];
    expect(events).toHaveLength(1);
    expect(JSON.stringify(events)).toContain('"7"');
    expect(analytics.resend(events)).toBe(1);
    flushed(analytics);
    const [refused = '', sent] = await Promise.all([bench.api.body(1), bench.api.body(2)]);
    expect(sent?.split('"sentAt"')[0]).toBe(refused.split('"sentAt"')[0]);
  });
});

test('the fields of a scope and the context count too', () => {
  const analytics = bench.open();
  const { properties } = deepEvent(MAX_DEPTH + 1, (inner) => [inner], 7n);
  expect(analytics.identify({ userId: 'u', traits: properties })).toBe(false);
  expect(analytics.identify({ userId: 'u', context: properties })).toBe(false);
  analytics.withContext({ context: properties }, () => {
    expect(analytics.track({ userId: 'u', event: 'e' })).toBe(false);
  });
  for (const { cause } of bench.errors) expect(String(cause)).toContain(REASON);
});

test('redact goes as deep as its paths, and no deeper', async () => {
  const path = ['properties', 'value', ...Array(300).fill('a')].join('.');
  const wrap = (inner: unknown): object => ({ a: inner });
  for (const leaf of [7n, 7]) {
    await bench.api.reset();
    const analytics = bench.open({ redact: { hash: [path], salt: 'a salt of enough letters' } });
    const levels = leaf === 7 ? 2_500 : MAX_DEPTH;
    expect(analytics.track(deepEvent(levels, wrap, leaf))).toBe(true);
    flushed(analytics);
    const deep = JSON.stringify(deepEvent(levels - 300, wrap, String(leaf)).properties.value);
    const json = leaf === 7 ? deep.replace('"7"', '7') : deep;
    const hash = createHash('sha256').update(`a salt of enough letters${json}`).digest('hex');
    expect(await bench.api.body(1)).toContain(`{"a":"${hash}"}`);
  }
  expect(bench.errors).toEqual([]);
});
