// Additions to Object.prototype aren't fields of an event or settings. Properties of the caller's own classes are.
import { startTrackingApi } from '@offthread/devtools';
import { createTestAnalytics, type RecordedEvent } from '@offthread/sdk/testing';
import { describe, expect, test } from 'vitest';
import { runProgram } from '../helpers/program.js';
import { call, refusal } from '../helpers/untyped.js';

test('an extended Object.prototype changes nothing', async () => {
  await using api = await startTrackingApi();
  const [plain, extended] = await Promise.all(
    ['plain', 'extended'].map((how) => runProgram('object-prototype.mjs', { args: [how, api.url] })),
  );
  expect(plain).toMatchObject({ code: 0, stderr: '' });
  expect(plain?.lines).toContainEqual({ name: 'live', what: 17 });
  expect(extended).toMatchObject({ code: 0, stderr: '', lines: plain?.lines });
});

describe('a property of Object.prototype', () => {
  const TYPES = ['identify', 'track', 'page', 'screen', 'group', 'alias'];

  /** What becomes of events that lack fields, and of values that are no events: an error message or what is recorded. */
  function outcomes(): unknown[] {
    const analytics = createTestAnalytics();
    const given = [{ userId: 'u' }, { anonymousId: 'a' }, undefined, null, 'text', []];
    const calls = TYPES.flatMap((type) => given.map((event) => [type, event] as const));
    return [...calls, ['track', new Purchase(7)] as const].map(([type, event]) => {
      try {
        call(analytics, type, event);
      } catch (error) {
        return error instanceof Error ? error.message : error;
      }
      const { messageId, timestamp, ...recorded } = analytics.events.at(-1) ?? {};
      // Both differ each time.
      return { ...recorded, isForeign: messageId === 'foreign' || timestamp === 'foreign' };
    });
  }

  test.each([
    ...['userId', 'anonymousId', 'context', 'integrations', 'timestamp', 'messageId', 'event', 'properties'],
    ...['traits', 'name', 'category', 'groupId', 'previousId'],
  ])('named %s is not a field of an event that lacks it', (name) => {
    const expected = outcomes();
    let seen: unknown[];
    // Only while the synchronous calls run, because other code runs in this process.
    Reflect.set(Object.prototype, name, 'foreign');
    try {
      seen = outcomes();
    } finally {
      Reflect.deleteProperty(Object.prototype, name);
    }
    expect(seen).toEqual(expected);
  });
});

class Purchase {
  readonly #price: number;
  constructor(price: number) {
    this.#price = price;
  }
  get userId(): string {
    return 'buyer';
  }
  get event(): string {
    return 'Bought';
  }
  get properties(): object {
    return { price: this.#price };
  }
  get context(): object {
    return new Place();
  }
}

class Place {
  readonly street = 'not for everybody';
  toJSON(): object {
    return { locale: 'de-CH' };
  }
}

/** What is sent for it, wherever it is tracked. */
const BOUGHT = { userId: 'buyer', event: 'Bought', properties: { price: 7 } };

describe('an event of a class with getters and a context with a toJSON', () => {
  function only(events: readonly RecordedEvent[]): RecordedEvent | undefined {
    expect(events).toHaveLength(1);
    const context = events[0]?.context;
    expect(context).not.toHaveProperty('street');
    expect(context).toMatchObject({ locale: 'de-CH' });
    return events[0];
  }

  test('is tracked outside of a scope', () => {
    const analytics = createTestAnalytics();
    analytics.track(new Purchase(7));
    expect(only(analytics.events)).toMatchObject(BOUGHT);
  });

  test.each([
    ['fields', { anonymousId: 'a', context: { ip: '::1' } }],
    ['a function', () => ({ anonymousId: 'a', context: { ip: '::1' } })],
  ])('is tracked in a scope of %s', (_, scope) => {
    const analytics = createTestAnalytics();
    analytics.withContext(scope, (within) => within.track(new Purchase(7)));
    expect(only(analytics.events)).toMatchObject({ ...BOUGHT, anonymousId: 'a', context: { ip: '::1' } });
  });

  test('is refused in a scope as outside of one, if it has an unknown field of its own', () => {
    const analytics = createTestAnalytics();
    const event = Object.assign(new Purchase(7), { revenue: 7 });
    const outside = refusal(() => call(analytics, 'track', event)).message;
    expect(analytics.withContext({}, () => refusal(() => call(analytics, 'track', event))).message).toBe(
      outside,
    );
  });
});

test('the context of a scope is the result of its toJSON', () => {
  const analytics = createTestAnalytics();
  analytics.withContext({ userId: 'u', context: new Place() }, (within) => {
    within.track({ event: 'e' });
    within.track({ event: 'e', context: { ip: '::1' } });
  });
  for (const { context } of analytics.events) {
    expect(context).not.toHaveProperty('street');
    expect(context).toMatchObject({ locale: 'de-CH' });
  }
});

test('an instance of a class can be the settings', () => {
  class Settings {
    get writeKey(): string {
      return 'KEY';
    }
    get maxQueueSize(): number {
      return 1;
    }
  }
  const analytics = createTestAnalytics(new Settings());
  expect([1, 2].map(() => analytics.track({ userId: 'u', event: 'e' }))).toEqual([true, false]);
});
