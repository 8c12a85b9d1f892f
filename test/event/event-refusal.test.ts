// Events that the API wouldn't accept are refused at the call, with a message that says what was expected and what was
// passed.
import { AnalyticsError } from '@offthread/sdk';
import { createTestAnalytics } from '@offthread/sdk/testing';
import { describe, expect, test } from 'vitest';
import { call, refusal } from '../helpers/untyped.js';

const WHO = { userId: 'u' };
const TRACK = { ...WHO, event: 'e' };
const LONG = 'a text of more than forty characters, which is cut off';

/** Values that aren't ids, and how a message shows them. */
const NO_IDS: [unknown, string][] = [
  ['', 'an empty string'],
  [Number.NaN, 'NaN'],
  [Number.POSITIVE_INFINITY, 'Infinity'],
  [true, 'true'],
  [{}, 'an object'],
  [['u'], 'an array'],
  [Symbol('u'), 'Symbol(u)'],
  [() => 'u', 'a function'],
];

/** The same for a non-empty string. */
const NO_TEXTS: [unknown, string][] = [
  ['', 'an empty string'],
  [7, '7'],
  [7n, '7n'],
  [false, 'false'],
  [{}, 'an object'],
  [['e'], 'an array'],
];

/** The same for an object. */
const NO_OBJECTS: [unknown, string][] = [
  ['', 'an empty string'],
  [LONG, "'a text of more than forty characters, wh…'"],
  [7, '7'],
  [7n, '7n'],
  [true, 'true'],
  [[], 'an array'],
  [() => ({}), 'a function'],
];

const refused: [type: string, event: unknown, message: string][] = [];

for (const type of ['identify', 'track', 'page', 'screen', 'group', 'alias']) {
  for (const [event, shown] of [
    [undefined, 'undefined'],
    [null, 'null'],
    ['Item Purchased', "'Item Purchased'"],
    [[TRACK], 'an array'],
    [() => TRACK, 'a function'],
  ]) {
    refused.push([type, event, `${type}() takes an object of fields; got ${shown}`]);
  }
  for (const name of ['userId', 'anonymousId']) {
    for (const [id, shown] of NO_IDS) {
      // It counts as absent if the other id is present.
      if (id === '' && name === 'anonymousId') continue;
      const message = `${type}(): ${name} must be a non-empty string, a finite number or a bigint; got ${shown}`;
      refused.push([type, { ...WHO, [name]: id }, message]);
      // The other id doesn't make up for it.
      if (id !== '') refused.push([type, { userId: 'u', anonymousId: 'a', [name]: id }, message]);
    }
  }
}

const NOBODY: [type: string, event: object][] = [
  ['identify', {}],
  ['track', { event: 'e' }],
  ['page', { name: 'n' }],
  ['screen', { name: 'n' }],
  ['group', { groupId: 'g' }],
];
for (const [type, event] of NOBODY) {
  const message = `${type}() needs a userId or an anonymousId; got neither`;
  refused.push([type, event, message]);
  refused.push([type, { ...event, userId: null, anonymousId: undefined }, message]);
}

refused.push(
  ['track', WHO, 'track(): event must be a non-empty string; got undefined'],
  ['track', { ...WHO, event: null }, 'track(): event must be a non-empty string; got null'],
  ['page', { ...WHO, category: 'Docs' }, 'page() needs a name if it has a category; got only a category'],
  [
    'page',
    { ...WHO, category: 'Docs', name: null },
    'page() needs a name if it has a category; got only a category',
  ],
);
for (const [text, shown] of NO_TEXTS) {
  refused.push(['track', { ...WHO, event: text }, `track(): event must be a non-empty string; got ${shown}`]);
  for (const type of ['page', 'screen']) {
    refused.push([type, { ...WHO, name: text }, `${type}(): name must be a non-empty string; got ${shown}`]);
    const message = `${type}(): category must be a non-empty string; got ${shown}`;
    refused.push([type, { ...WHO, name: 'n', category: text }, message]);
  }
}
for (const [id, shown] of NO_IDS) {
  const expected = 'track(): messageId must be a non-empty string, a finite number or a bigint';
  refused.push(['track', { ...TRACK, messageId: id }, `${expected}; got ${shown}`]);
}
for (const [id, shown] of [...NO_IDS, [undefined, 'undefined'], [null, 'null']] satisfies typeof NO_IDS) {
  const ending = `a non-empty string, a finite number or a bigint; got ${shown}`;
  refused.push(['group', { ...WHO, groupId: id }, `group(): groupId must be ${ending}`]);
  refused.push(['alias', { ...WHO, previousId: id }, `alias(): previousId must be ${ending}`]);
  refused.push(['alias', { previousId: 'p', userId: id }, `alias(): userId must be ${ending}`]);
}
refused.push([
  'alias',
  { previousId: 'p', anonymousId: 'a' },
  'alias(): userId must be a non-empty string, a finite number or a bigint; got undefined',
]);
for (const [value, shown] of NO_OBJECTS) {
  for (const name of ['properties', 'context', 'integrations']) {
    refused.push(['track', { ...TRACK, [name]: value }, `track(): ${name} must be an object; got ${shown}`]);
  }
  refused.push(['identify', { ...WHO, traits: value }, `identify(): traits must be an object; got ${shown}`]);
  refused.push([
    'group',
    { ...WHO, groupId: 1, traits: value },
    `group(): traits must be an object; got ${shown}`,
  ]);
}
for (const [timestamp, shown] of [
  ['yesterday', "'yesterday'"],
  ['', 'an empty string'],
  ['24.11.2026', "'24.11.2026'"],
  ['2026', "'2026'"],
  ['1796000000', "'1796000000'"],
  ['2026-13-01', "'2026-13-01', which does not exist"],
  ['2019-00-10', "'2019-00-10', which does not exist"],
  ['2019-01-32', "'2019-01-32', which does not exist"],
  ['2019-01-00', "'2019-01-00', which does not exist"],
  ['2019-02-30', "'2019-02-30', which does not exist"],
  ['2019-04-31T00:00:00+02:00', "'2019-04-31T00:00:00+02:00', which does not exist"],
  ['2019-06-31 23:59:59', "'2019-06-31 23:59:59', which does not exist"],
  ['2019-02-29T10:00:00Z', "'2019-02-29T10:00:00Z', which does not exist"],
  ['2100-02-29T10:00', "'2100-02-29T10:00', which does not exist"],
  ['0000-02-30', "'0000-02-30', which does not exist"],
  ['2019-01-01T24:00:01Z', "'2019-01-01T24:00:01Z', which does not exist"],
  ['2019-01-01T10:60', "'2019-01-01T10:60', which does not exist"],
  ['2016-12-31T23:59:60Z', "'2016-12-31T23:59:60Z', which does not exist"],
  ['2019-01-01T10:00:00+24:00', "'2019-01-01T10:00:00+24:00', which does not exist"],
  ['+051300-01-01', "'+051300-01-01'"],
  ['-000001-01-01', "'-000001-01-01'"],
  ['-000000-01-01', "'-000000-01-01'"],
  ['9999-12-31T23:59:59-01:00', "'9999-12-31T23:59:59-01:00', which is not in the years 0 to 9999"],
  ['0000-01-01T00:00:00+01:00', "'0000-01-01T00:00:00+01:00', which is not in the years 0 to 9999"],
  [`2019-01-01T00:00:00.${'1'.repeat(1_000)}Z`, "'2019-01-01T00:00:00.11111111111111111111…'"],
  [1_556_712_000_000_000, '1556712000000000, which looks like microseconds'],
  [-1_556_712_000_000_000, '-1556712000000000, which looks like microseconds'],
  [1_556_712_000_000_000_000, '1556712000000000000, which looks like nanoseconds'],
  [253_402_300_800_000, '253402300800000, which looks like microseconds'],
  [1e30, '1e+30'],
  [-62_167_219_200_001, '-62167219200001, which is not in the years 0 to 9999'],
  [new Date(1_556_712_000_000_000), 'a Date, which looks like microseconds'],
  [new Date(8.64e15), 'a Date, which looks like microseconds'],
  [new Date('-000001-12-31'), 'a Date, which is not in the years 0 to 9999'],
  ['2026-11-24-08:00', "'2026-11-24-08:00'"],
  ['2026-11-24T25:00:00Z', "'2026-11-24T25:00:00Z', which does not exist"],
  [new Date(Number.NaN), 'an invalid Date'],
  [Number.NaN, 'NaN'],
  [8.64e15 + 1, '8640000000000001, which looks like microseconds'],
  [true, 'true'],
  [1_796_000_000_000n, '1796000000000n'],
  [Symbol('now'), 'Symbol(now)'],
  [[2026, 11, 24], 'an array'],
  [{}, 'an object'],
  [Object.create(null), 'an object'],
  [Object.create(Date.prototype), 'an object, which is not a valid time'],
]) {
  const expected = 'track(): timestamp must be a valid Date, an ISO 8601 string or milliseconds since 1970';
  refused.push(['track', { ...TRACK, timestamp }, `${expected}; got ${String(shown)}`]);
}
refused.push(
  [
    'track',
    { ...TRACK, messageId: 'm'.repeat(101) },
    'track(): messageId must have at most 100 characters; got 101',
  ],
  ['track', { ...TRACK, userID: 'u' }, "track() has no field 'userID'; did you mean 'userId'?"],
  ['track', { ...TRACK, user_id: 'u' }, "track() has no field 'user_id'; did you mean 'userId'?"],
  ['track', { ...TRACK, propertys: {} }, "track() has no field 'propertys'; did you mean 'properties'?"],
  [
    'track',
    { ...TRACK, revenue: 39.95 },
    "track() has no field 'revenue'; fields of your own go into properties",
  ],
  ['track', { ...TRACK, traits: {} }, "track() has no field 'traits'; fields of your own go into properties"],
  ['track', { ...TRACK, type: 'track' }, "track() has no field 'type'; it is set by the method"],
  ['page', { ...WHO, title: 'Home' }, "page() has no field 'title'; fields of your own go into properties"],
  [
    'identify',
    { ...WHO, email: 'a@b.c' },
    "identify() has no field 'email'; fields of your own go into traits",
  ],
  ['identify', { ...WHO, properties: {} }, "identify() has no field 'properties'; use 'traits' instead"],
  ['group', { ...WHO, groupID: 'g' }, "group() has no field 'groupID'; did you mean 'groupId'?"],
  ['group', { ...WHO, plan: 'x' }, "group() has no field 'plan'; fields of your own go into traits"],
  ['alias', { ...WHO, previousId: 'p', traits: {} }, "alias() has no field 'traits'"],
  ['alias', { ...WHO, previousID: 'p' }, "alias() has no field 'previousID'; did you mean 'previousId'?"],
);

test(`all ${refused.length} of them, each with its own message, and none is counted or sent`, () => {
  const errors: AnalyticsError[] = [];
  const analytics = createTestAnalytics({ onError: (error) => errors.push(error) });
  analytics.track({ ...TRACK, event: 'before' });
  const messages: [string, unknown, string][] = [];
  for (const [type, event] of refused) {
    const error = refusal(() => call(analytics, type, event));
    expect(error).toMatchObject({ name: 'ValidationError', code: 'invalid_event', attempts: 0, count: 0 });
    expect(error).toBeInstanceOf(AnalyticsError);
    messages.push([type, event, error.message]);
  }
  expect(messages).toEqual(refused);
  analytics.track({ ...TRACK, event: 'after' });
  expect(analytics.flush()).toMatchObject({ status: 'ok', delivered: 2 });
  expect(analytics.events.map(({ event }) => event)).toEqual(['before', 'after']);
  expect(analytics.stats()).toMatchObject({ accepted: 2, delivered: 2, refused: {} });
  expect(errors).toEqual([]);
});

test.each([
  ['an empty userId beside an anonymousId', { userId: '', anonymousId: 'a' }, { anonymousId: 'a' }],
  ['an empty anonymousId beside a userId', { userId: 'u', anonymousId: '' }, { userId: 'u' }],
  ['a messageId of 100 characters', { userId: 'u', messageId: 'm'.repeat(100) }, { userId: 'u' }],
])('%s is accepted', (_, fields, sent) => {
  const analytics = createTestAnalytics();
  expect(call(analytics, 'track', { ...fields, event: 'e' })).toBe(true);
  const { userId, anonymousId } = analytics.events[0] ?? {};
  expect({ userId, anonymousId }).toEqual({ userId: undefined, anonymousId: undefined, ...sent });
});

test.each(['page', 'screen'])('the properties of a %s are accepted', (type) => {
  const analytics = createTestAnalytics();
  expect(call(analytics, type, { ...WHO, name: 'n', properties: { a: 1 } })).toBe(true);
  expect(analytics.events).toMatchObject([{ type, properties: { a: 1 } }]);
});

test('two empty ids are refused', () => {
  const { message } = refusal(() =>
    call(createTestAnalytics(), 'track', { userId: '', anonymousId: '', event: 'e' }),
  );
  expect(message).toMatch(/^track\(\): userId must be a non-empty string/);
});

describe('a callback', () => {
  test.each([
    [null, 'null'],
    ['done', "'done'"],
    [{}, 'an object'],
  ])('that is %s is refused', (callback, shown) => {
    const analytics = createTestAnalytics();
    const { code, message } = refusal(() => call(analytics, 'track', TRACK, callback));
    expect(code).toBe('invalid_event');
    expect(message).toBe(`track(): callback must be a function; got ${shown}`);
    expect(analytics.stats().accepted).toBe(0);
  });

  test("isn't called for an event that is refused by an exception", async () => {
    const analytics = createTestAnalytics();
    let calls = 0;
    refusal(() => call(analytics, 'track', WHO, () => calls++));
    await analytics.close();
    expect(calls).toBe(0);
  });
});

test("what a user of TypeScript would get wrong doesn't compile", () => {
  const analytics = createTestAnalytics();
  // @ts-expect-error: no user
  refusal(() => analytics.track({ event: 'e' }));
  // @ts-expect-error: no event name
  refusal(() => analytics.track({ userId: 'u' }));
  // @ts-expect-error: not a field of track()
  refusal(() => analytics.track({ userId: 'u', event: 'e', traits: {} }));
  // @ts-expect-error: no group
  refusal(() => analytics.group({ userId: 'u' }));
  // @ts-expect-error: one id only
  refusal(() => analytics.alias({ userId: 'u' }));
  // @ts-expect-error: a setting that does not exist
  refusal(() => createTestAnalytics({ flushAt: 20 }));
  expect(analytics.stats().accepted).toBe(0);
});
