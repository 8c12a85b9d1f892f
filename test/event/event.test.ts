// The six kinds of event as they arrive at the API, field by field, and that the caller's objects stay unchanged.
import { type Analytics, version } from '@offthread/sdk';
import { describe, expect, test, vi } from 'vitest';
import { call } from '../helpers/untyped.js';
import { flushed, upTo, withApi } from '../helpers/with-api.js';

const bench = withApi();

const LIBRARY = { name: '@offthread/sdk', version };

/** Fields that all kinds of event may have. */
const COMMON = {
  userId: '019mr8mf4r',
  anonymousId: 'a-507f191e',
  context: { ip: '8.8.8.8', userAgent: 'Mozilla/5.0', page: { path: '/docs', tags: ['a', 'b'] } },
  integrations: { All: false, Kissmetrics: true, 'awe.sm': false, MailChimp: { list: [1, 'x'] } },
  timestamp: '2026-11-24T12:00:00.123Z',
  messageId: 'message-1',
};

/** Every field that one kind may have in addition. */
const OWN: Record<string, object> = {
  identify: { traits: { email: 'ruby@example.com', friends: 872 } },
  track: { event: 'Item Purchased', properties: { revenue: 39.95, shipping: '2-day' } },
  page: { name: 'Ruby library', category: 'Docs', properties: { url: 'https://segment.com/libraries/' } },
  screen: { name: 'Welcome', category: 'Start', properties: { tab: 2 } },
  group: { groupId: '56', traits: { name: 'Initech', description: 'Accounting Software' } },
  alias: { previousId: 'previous id' },
};

/** The fields that one kind must have. */
const LEAST: Record<string, object> = {
  identify: { userId: 'u' },
  track: { anonymousId: 'a', event: 'Signed Up' },
  page: { userId: 'u' },
  screen: { anonymousId: 'a' },
  group: { userId: 'u', groupId: 'g' },
  alias: { userId: 'u', previousId: 'p' },
};

const TYPES = Object.keys(OWN);

/** Returns the event that arrives for a call. */
async function arrived(type: string, event: object): Promise<Record<string, unknown>> {
  const analytics = bench.open();
  expect(call(analytics, type, event)).toBe(true);
  flushed(analytics);
  const events = await bench.api.events();
  expect(events).toHaveLength(1);
  return events[0] ?? {};
}

function freeze<T extends object>(value: T): T {
  for (const item of Object.values(value)) if (typeof item === 'object' && item !== null) freeze(item);
  return Object.freeze(value);
}

describe.each(TYPES)('%s', (type) => {
  test('arrives with every field as it was passed, and the library in its context', async () => {
    const event = { ...COMMON, ...OWN[type] };
    // The spec adds this: see segment-rules.test.ts.
    const added =
      type === 'page' ? { properties: { url: 'https://segment.com/libraries/', category: 'Docs' } } : {};
    expect(await arrived(type, event)).toEqual({
      type,
      ...event,
      ...added,
      context: { ...COMMON.context, library: LIBRARY },
    });
  });

  test('arrives with only its required fields, plus messageId, timestamp and context', async () => {
    const before = Date.now();
    const { messageId, timestamp, ...rest } = await arrived(type, LEAST[type] ?? {});
    expect(rest).toEqual({ type, ...LEAST[type], context: { library: LIBRARY } });
    expect(messageId).toMatch(/^[\w-]{21}-1$/);
    expect(timestamp).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    expect(Date.parse(String(timestamp))).toBeGreaterThanOrEqual(before);
    expect(Date.parse(String(timestamp))).toBeLessThanOrEqual(Date.now());
  });

  test('treats null and undefined as absent in every optional field', async () => {
    const names = new Set([...Object.keys(COMMON), ...Object.keys(OWN[type] ?? {})]);
    for (const name of Object.keys(LEAST[type] ?? {})) names.delete(name);
    for (const nothing of [null, undefined]) {
      await bench.api.reset();
      const absent = Object.fromEntries([...names].map((name) => [name, nothing]));
      const { messageId, timestamp, ...rest } = await arrived(type, { ...LEAST[type], ...absent });
      expect(rest).toEqual({ type, ...LEAST[type], context: { library: LIBRARY } });
      expect(messageId).toEqual(expect.any(String));
      expect(timestamp).toEqual(expect.any(String));
    }
  });

  test('accepts frozen objects and changes nothing that is passed to it', async () => {
    const event = freeze(structuredClone({ ...COMMON, ...OWN[type] }));
    const asItWas = structuredClone(event);
    await arrived(type, event);
    expect(event).toEqual(asItWas);
    expect(event.context).not.toHaveProperty('library');
  });

  test('accepts an id as a string, a number or a bigint, and sends it as a string', async () => {
    const ids = ['userId', 'anonymousId', 'previousId', 'groupId'].filter(
      (name) => name in { ...COMMON, ...OWN[type] },
    );
    const analytics = bench.open();
    const forms = [
      ['0', '0'],
      [0, '0'],
      [-17, '-17'],
      [4.5, '4.5'],
      [Number.MAX_SAFE_INTEGER, '9007199254740991'],
      [0n, '0'],
      [123456789012345678901234567890n, '123456789012345678901234567890'],
      ['with "quotes" and \\ and 😀', 'with "quotes" and \\ and 😀'],
    ];
    for (const [given] of forms) {
      call(analytics, type, { ...LEAST[type], ...Object.fromEntries(ids.map((name) => [name, given])) });
    }
    flushed(analytics);
    const events = await bench.api.events();
    expect(events).toHaveLength(forms.length);
    for (const [index, event] of events.entries()) {
      for (const name of ids) expect(event[name]).toBe(forms[index]?.[1]);
    }
  });
});

describe('messageId', () => {
  test('of 100 characters is sent unchanged', async () => {
    const messageId = `"${'ä'.repeat(98)}"`;
    expect(await arrived('track', { ...LEAST['track'], messageId })).toMatchObject({ messageId });
  });

  test('is generated if absent: unique among all clients, and in the order of the calls', async () => {
    const [one, other] = [bench.open(), bench.open()];
    for (const index of upTo(500)) {
      for (const client of [one, other]) client.track({ userId: 'u', event: 'e', properties: { index } });
    }
    flushed(one);
    flushed(other);
    const events = await bench.api.events();
    expect(new Set(events.map(({ messageId }) => messageId)).size).toBe(1_000);
    const numbers = new Map<string, number[]>();
    for (const { messageId = '', properties } of events) {
      const [, prefix = '', number] = /^(.*)-(\d+)$/.exec(messageId) ?? [];
      expect(Number(number)).toBe(Number(properties?.['index']) + 1);
      numbers.set(prefix, [...(numbers.get(prefix) ?? []), Number(number)]);
    }
    expect([...numbers.values()]).toEqual([upTo(501).slice(1), upTo(501).slice(1)]);
  });
});

describe('timestamp', () => {
  test('allows a historical import: years of events arrive in order, each with its own time', async () => {
    const analytics = bench.open();
    const days = upTo(1_000).map((day) => new Date(Date.UTC(2009, 0, 1 + day * 5, 6, 30)));
    for (const timestamp of days) analytics.track({ userId: 'u', event: 'Imported', timestamp });
    flushed(analytics);
    const times = (await bench.api.events()).map(({ timestamp }) => timestamp);
    expect(times).toEqual(days.map((day) => day.toISOString()));
  });
});

describe('integrations', () => {
  test('are sent unchanged, capitals included', async () => {
    const integrations = {
      All: false,
      all: true,
      kissmetrics: 0,
      Kissmetrics: true,
      'AdLearn Open Platform': null,
    };
    const event = await arrived('track', { ...LEAST['track'], integrations });
    expect(JSON.stringify(event['integrations'])).toBe(JSON.stringify(integrations));
  });
});

describe('context', () => {
  test.each([
    ['an empty one', {}, {}],
    ['one with nothing JSON knows in it', { a: undefined, b: () => 1, [Symbol('c')]: 2 }, {}],
    [
      'one with a library of the caller',
      { library: { name: 'mine', version: '9' }, ip: '::1' },
      { ip: '::1' },
    ],
    ['one with a library that is undefined', { library: undefined, ip: '::1' }, { ip: '::1' }],
    ['one without a prototype', Object.assign(Object.create(null), { ip: '::1' }), { ip: '::1' }],
    ['a Map, which JSON sees nothing in', new Map([['ip', '::1']]), {}],
    ['one with a toJSON of its own', { ip: 1, toJSON: (): object => ({ ip: 2 }) }, { ip: 2 }],
    ['one whose toJSON gives nothing', { toJSON: (): undefined => undefined }, {}],
    [
      'one whose toJSON gives the same object',
      {
        ip: 1,
        toJSON(): object {
          return this;
        },
      },
      { ip: 1 },
    ],
    [
      'an instance of a class with a toJSON',
      new (class {
        #ip = '::1';
        toJSON() {
          return { ip: this.#ip };
        }
      })(),
      { ip: '::1' },
    ],
  ])('%s arrives with the library of the SDK', async (_, context, expected) => {
    for (const properties of [{ price: 1 }, { price: 1n }]) {
      await bench.api.reset();
      const event = await arrived('track', { ...LEAST['track'], context, properties });
      expect(event['context']).toEqual({ ...expected, library: LIBRARY });
    }
  });

  test.each([
    ['a boxed string', new String('x')],
    ['a boxed number', new Number(5)],
    ['a Date', new Date(0)],
    ['something whose toJSON gives text', { toJSON: () => 'x' }],
    ['something whose toJSON gives an array', { toJSON: () => ['x'] }],
  ])("%s, which isn't an object as JSON, is refused, and the events around it arrive", async (_, context) => {
    const analytics = bench.open();
    expect(analytics.track({ userId: 'u', event: 'before' })).toBe(true);
    expect(analytics.track({ userId: 'u', event: 'x', context })).toBe(false);
    expect(analytics.track({ userId: 'u', event: 'x', context, properties: { price: 1n } })).toBe(false);
    expect(analytics.track({ userId: 'u', event: 'after' })).toBe(true);
    flushed(analytics);
    expect((await bench.api.events()).map(({ event }) => event)).toEqual(['before', 'after']);
    expect(bench.errors.map(({ code }) => code)).toEqual(['unserializable', 'unserializable']);
    expect(String(bench.errors[0]?.cause)).toBe('TypeError: The context does not serialize to a JSON object');
  });
});

describe('a callback', () => {
  /** A client, and a callback that records what it was called with. */
  function withCallback(settings = {}): {
    analytics: Analytics;
    callback: (error?: unknown) => void;
    calls: unknown[][];
  } {
    const calls: unknown[][] = [];
    const callback = (...given: unknown[]): void => {
      calls.push(given);
    };
    return { analytics: bench.open(settings), callback, calls };
  }

  test.each(TYPES)(
    'of %s is called once, without arguments, when the API has accepted the event',
    async (type) => {
      const { analytics, callback, calls } = withCallback();
      call(analytics, type, LEAST[type], callback);
      expect(calls).toEqual([]);
      flushed(analytics);
      flushed(analytics);
      await analytics.close();
      expect(calls).toEqual([[undefined]]);
    },
  );

  test('is called without a flush', async () => {
    const { analytics, callback, calls } = withCallback();
    analytics.track({ userId: 'u', event: 'e' }, callback);
    await vi.waitFor(() => expect(calls).toEqual([[undefined]]), 10_000);
  });

  test('is called once, with the error, if the API refuses the event', async () => {
    await bench.api.behave({ type: 'answer', status: 403 });
    const { analytics, callback, calls } = withCallback();
    analytics.track({ userId: 'u', event: 'e' }, callback);
    flushed(analytics);
    flushed(analytics);
    expect(calls).toEqual([[expect.objectContaining({ code: 'rejected', status: 403 })]]);
    expect(calls).toEqual([bench.errors]);
  });

  test('is called once, later, with the error, if the call returns false', async () => {
    const { analytics, callback, calls } = withCallback({ maxQueueSize: 1, stub: true });
    analytics.track({ userId: 'u', event: 'e' });
    expect(analytics.track({ userId: 'u', event: 'e' }, callback)).toBe(false);
    expect(calls).toEqual([]);
    flushed(analytics);
    const cycle: Record<string, unknown> = {};
    cycle['cycle'] = cycle;
    expect(analytics.track({ userId: 'u', event: 'e', properties: cycle }, callback)).toBe(false);
    await analytics.close();
    expect(analytics.track({ userId: 'u', event: 'e' }, callback)).toBe(false);
    await new Promise(setImmediate);
    expect(calls.map(([error]) => error)).toEqual([
      expect.objectContaining({ code: 'queue_full' }),
      expect.objectContaining({ code: 'unserializable' }),
      expect.objectContaining({ code: 'closed' }),
    ]);
  });

  test('is called once, with the error, if the event is too large, at the call or in the worker', async () => {
    const { analytics, callback, calls } = withCallback();
    for (const properties of [{ filler: 'x'.repeat(40_000) }, { list: Array(1_400).fill(10n ** 22n) }]) {
      analytics.track({ userId: 'u', event: 'e', properties }, callback);
      flushed(analytics);
    }
    const error = expect.objectContaining({ code: 'event_too_large' });
    expect(calls).toEqual([[error], [error]]);
    expect(analytics.stats()).toMatchObject({
      dropped: { event_too_large: 1 },
      refused: { event_too_large: 1 },
    });
  });

  test('is called in the order of the calls, each for its own event', async () => {
    await bench.api.rules([{ match: { eventName: 'e7' }, behaviour: { type: 'answer', status: 400 } }]);
    const analytics = bench.open({ batchSize: 4 });
    const outcomes: string[] = [];
    for (const index of upTo(20)) {
      analytics.track({ userId: 'u', event: `e${index}` }, (error) =>
        outcomes.push(`${index} ${error?.code}`),
      );
    }
    flushed(analytics);
    expect(outcomes).toEqual(upTo(20).map((index) => `${index} ${index === 7 ? 'rejected' : undefined}`));
  });
});

test('methods can be detached from their client', async () => {
  const { identify, track, page, screen, group, alias } = bench.open();
  const { track: other } = bench.open({ writeKey: 'OTHER' });
  identify({ userId: 'u' });
  track({ userId: 'u', event: 'E' });
  page({ userId: 'u' });
  screen({ userId: 'u', name: 'S' });
  group({ userId: 'u', groupId: 'g' });
  alias({ userId: 'u', previousId: 'p' });
  other({ userId: 'u', event: 'Other' });
  await bench.api.waitFor({ events: 7 });
  const requests = await bench.api.requests();
  const types = (key: string): string[] =>
    requests
      .filter(({ writeKey }) => writeKey === key)
      .flatMap(({ events }) => events.map(({ type }) => type));
  expect(types('KEY')).toEqual(['identify', 'track', 'page', 'screen', 'group', 'alias']);
  expect(types('OTHER')).toEqual(['track']);
});
