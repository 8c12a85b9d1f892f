// Rules of Segment's spec and libraries: the category of a page, a screen without a name, and ids that are empty or
// numbers.
import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AnalyticsSettings } from '@offthread/sdk';
import { describe, expect, test } from 'vitest';
import { offthread } from '../helpers/cli.js';
import { call, refusal } from '../helpers/untyped.js';
import { flushed, withApi } from '../helpers/with-api.js';

const bench = withApi();

const PAGE = { userId: 'u', name: 'Home', category: 'Docs' };

/** Returns the event that arrives for a call. */
async function arrived(
  type: string,
  event: object,
  settings: Partial<AnalyticsSettings> = {},
): Promise<Readonly<Record<string, unknown>>> {
  const analytics = bench.open(settings);
  expect(call(analytics, type, event)).toBe(true);
  flushed(analytics);
  const events = await bench.api.events();
  expect(events).toHaveLength(1);
  return events[0] ?? {};
}

describe('the category of a page', () => {
  class Properties {
    readonly url = '/docs';
    get path(): string {
      return 'not a field of its own';
    }
  }
  const bare: object = Object.assign(Object.create(null), { url: '/docs' });
  const changing = { url: '/docs', toJSON: () => ({ url: '/json', toJSON: () => 'is not asked again' }) };

  test.each([
    ['without properties', undefined, { category: 'Docs' }],
    ['with null for them', null, { category: 'Docs' }],
    ['beside others', { url: '/docs', a: 1 }, { url: '/docs', a: 1, category: 'Docs' }],
    ['beside none', {}, { category: 'Docs' }],
    ['of a class', new Properties(), { url: '/docs', category: 'Docs' }],
    ['without a prototype', bare, { url: '/docs', category: 'Docs' }],
    ['as their toJSON gives them', changing, { url: '/json', category: 'Docs' }],
    ['with a bigint', { id: 2n ** 64n }, { id: '18446744073709551616', category: 'Docs' }],
    ['with undefined for it', { category: undefined }, { category: 'Docs' }],
  ])('is copied to its properties: %s', async (_, properties, expected) => {
    const { type, category, name, properties: sent } = await arrived('page', { ...PAGE, properties });
    expect({ type, category, name }).toEqual({ type: 'page', category: 'Docs', name: 'Home' });
    expect(sent).toEqual(expected);
  });

  test.each([['mine'], [null], [0], [{ deep: true }]])(
    "doesn't replace %o of the caller",
    async (category) => {
      const properties = { category };
      expect(await arrived('page', { ...PAGE, properties })).toMatchObject({ category: 'Docs', properties });
      expect(properties).toEqual({ category });
    },
  );

  test('is also added to an event with a messageId and a timestamp', async () => {
    const event = { ...PAGE, messageId: 'm', timestamp: 0 };
    expect(await arrived('page', event)).toMatchObject({ messageId: 'm', properties: { category: 'Docs' } });
  });

  test('is the one that beforeSend returns', async () => {
    const rename = { beforeSend: (event: object) => Object.assign(event, { category: 'Guides' }) } as never;
    expect(await arrived('page', PAGE, rename)).toMatchObject({ properties: { category: 'Guides' } });
  });

  test("isn't added to a page without one, nor to a screen", async () => {
    expect(await arrived('page', { userId: 'u', name: 'Home' })).not.toHaveProperty('properties');
    await bench.api.reset();
    expect(await arrived('screen', PAGE)).not.toHaveProperty('properties');
  });

  test("isn't added to properties that aren't an object as JSON", async () => {
    const properties = { toJSON: () => 'a text' };
    expect(await arrived('page', { ...PAGE, properties })).toMatchObject({ properties: 'a text' });
  });

  test("isn't added by resend()", async () => {
    const analytics = bench.open();
    expect(analytics.resend([{ type: 'page', ...PAGE, messageId: 'm' }])).toBe(1);
    flushed(analytics);
    const [event] = await bench.api.events();
    expect(event).toMatchObject({ type: 'page', category: 'Docs' });
    expect(event).not.toHaveProperty('properties');
  });

  test("isn't added by offthread import", async () => {
    const folder = await mkdtemp(join(tmpdir(), 'offthread-page-'));
    try {
      const events = [PAGE, { ...PAGE, properties: { url: '/' } }];
      const text = events.map((event) => JSON.stringify({ type: 'page', ...event })).join('\n');
      writeFileSync(join(folder, 'pages.ndjson'), text);
      await offthread(['import', 'pages.ndjson', '--host', bench.api.url], { cwd: folder });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
    const sent = (await bench.api.events()).map(({ category, properties }) => ({ category, properties }));
    expect(sent).toEqual([{ category: 'Docs' }, { category: 'Docs', properties: { url: '/' } }]);
  });
});

describe('a screen', () => {
  test.each([
    [{}],
    [{ name: null, category: undefined }],
    [{ category: 'Start' }],
    [{ properties: { tab: 2 } }],
  ])('needs no name: %o', async (fields) => {
    const event = await arrived('screen', { userId: 'u', ...fields });
    expect(event).toMatchObject({ type: 'screen', userId: 'u' });
    expect(event).not.toHaveProperty('name');
    expect(event['category']).toBe('category' in fields ? fields.category : undefined);
  });

  test("whose name isn't a string is refused", () => {
    const analytics = bench.open();
    expect(refusal(() => call(analytics, 'screen', { userId: 'u', name: '' })).message).toBe(
      'screen(): name must be a non-empty string; got an empty string',
    );
  });
});

describe('a messageId', () => {
  test.each([
    [0, '0'],
    [17, '17'],
    [-4.5, '-4.5'],
    [9_007_199_254_740_991, '9007199254740991'],
    [2n ** 70n, '1180591620717411303424'],
  ])('may be a number: %s', async (messageId, text) => {
    expect(await arrived('track', { userId: 'u', event: 'e', messageId })).toMatchObject({ messageId: text });
  });

  test('of a number is also a string in an error and in resend()', async () => {
    await bench.api.script([{ type: 'answer', status: 401 }]);
    const analytics = bench.open();
    analytics.track({ userId: 'u', event: 'e', messageId: 17 });
    flushed(analytics);
    const [event] = bench.errors[0]?.events ?? [];
    expect(event).toMatchObject({ messageId: '17' });
    expect(analytics.resend([{ ...event, messageId: 18 }])).toBe(1);
    flushed(analytics);
    expect(await bench.api.events()).toMatchObject([{ messageId: '18' }]);
  });

  test.each([[Number.NaN], [Number.POSITIVE_INFINITY], [true], [{}], [''], [10n ** 101n]])(
    'that is %s is refused',
    (messageId) => {
      const analytics = bench.open();
      const act = () => call(analytics, 'track', { userId: 'u', event: 'e', messageId });
      expect(refusal(act).message).toContain('track(): messageId must');
    },
  );
});

describe('an empty id', () => {
  const OWN: [type: string, fields: object][] = [
    ['identify', {}],
    ['track', { event: 'e' }],
    ['page', {}],
    ['screen', {}],
    ['group', { groupId: 'g' }],
  ];

  test.each(OWN)('of %s counts as absent if the other one is present', async (type, fields) => {
    const known = await arrived(type, { ...fields, userId: '', anonymousId: 'a' });
    expect(known).toMatchObject({ type, anonymousId: 'a' });
    expect(known).not.toHaveProperty('userId');
    await bench.api.reset();
    const other = await arrived(type, { ...fields, userId: 'u', anonymousId: '' });
    expect(other).toMatchObject({ type, userId: 'u' });
    expect(other).not.toHaveProperty('anonymousId');
  });

  test.each(OWN)('of %s is refused if there is no other one', (type, fields) => {
    const analytics = bench.open();
    const ending = 'a non-empty string, a finite number or a bigint; got an empty string';
    for (const [name, ids] of Object.entries({
      userId: { userId: '', anonymousId: '' },
      anonymousId: { anonymousId: '' },
    })) {
      const { message } = refusal(() => call(analytics, type, { ...fields, ...ids }));
      expect(message).toBe(`${type}(): ${name} must be ${ending}`);
    }
  });

  test('of an alias is refused', () => {
    const analytics = bench.open();
    expect(
      refusal(() => call(analytics, 'alias', { userId: '', anonymousId: 'a', previousId: 'p' })).message,
    ).toBe('alias(): userId must be a non-empty string, a finite number or a bigint; got an empty string');
  });

  test('overrides the one of a scope, as null does', async () => {
    const analytics = bench.open();
    analytics.withContext({ userId: 'u', anonymousId: 'a' }, () =>
      analytics.track({ userId: '', event: 'e' }),
    );
    analytics.withContext({ userId: '', anonymousId: 'b' }, (scoped) => scoped.track({ event: 'e' }));
    flushed(analytics);
    const ids = (await bench.api.events()).map(({ userId, anonymousId }) => [userId, anonymousId]);
    expect(ids).toEqual([
      [undefined, 'a'],
      [undefined, 'b'],
    ]);
  });

  test('that beforeSend leaves also counts as absent', async () => {
    const forget = { beforeSend: (event: object) => Object.assign(event, { userId: '' }) } as never;
    const event = await arrived('track', { userId: 'u', anonymousId: 'a', event: 'e' }, forget);
    expect(event).toMatchObject({ anonymousId: 'a' });
    expect(event).not.toHaveProperty('userId');
  });
});
