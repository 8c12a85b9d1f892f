// Callbacks can't starve the event loop, and a backlog of callbacks doesn't block it for long.
import { Analytics } from '@offthread/sdk';
import { createTestAnalytics } from '@offthread/sdk/testing';
import { describe, expect, test } from 'vitest';
import { runFixture } from '../helpers/fixture.js';
import { call, refusal } from '../helpers/untyped.js';

const EVENT = { userId: 'u', event: 'e' };

describe('timers and files get their turn while each callback tracks again', () => {
  test.each(
    ['disabled', 'recording', 'closed', 'dropping'].flatMap((client) =>
      ['at once', 'after an await', 'after a flushAsync'].flatMap((how) =>
        ['real timers', 'fake timers'].map((timers) => [client, how, timers] as const),
      ),
    ),
  )('(a %s client, %s, %s)', async (...args) => {
    const { code, stdout, stderr } = await runFixture('tracking-again.mjs', args, {
      // The warning that mock timers are experimental.
      execArgv: ['--no-warnings'],
    });
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: '{"often":true}', stderr: '' });
  });
});

test('the callbacks of 400,000 events that are refused in one turn are called soon after its end', async () => {
  const analytics = new Analytics({ writeKey: 'KEY', disable: true, maxQueueSize: 1 });
  let refused = 0;
  analytics.track(EVENT);
  // So many that quadratic work would take minutes.
  for (let n = 0; n < 400_000; n++)
    analytics.track(EVENT, (error) => error?.code === 'queue_full' && refused++);
  await Promise.resolve();
  expect(refused).toBe(400_000);
}, 60_000);

test('callbacks of refused events are called in order, and a flush in a callback calls the rest before it returns', () => {
  const analytics = createTestAnalytics({ maxQueueSize: 1 });
  const called: string[] = [];
  const record =
    (name: string, act = (): void => {}) =>
    (): void => {
      called.push(name);
      act();
    };
  analytics.track(EVENT);
  analytics.track(EVENT, record('first'));
  analytics.track(
    EVENT,
    record('second', () => {
      analytics.flush();
      called.push('flushed');
    }),
  );
  analytics.track(EVENT, record('third'));
  analytics.track(EVENT, record('fourth'));
  analytics.flush();
  expect(called).toEqual(['first', 'second', 'third', 'fourth', 'flushed']);
});

describe('an unknown name of any length', () => {
  const LONG = 'k'.repeat(20_000_000);
  const CUT = `'${'k'.repeat(40)}…'`;
  const analytics = createTestAnalytics();

  test.each([
    ['of an event', () => analytics.track({ ...EVENT, [LONG]: 1 }), `track() has no field ${CUT}`],
    ['of a scope', () => analytics.withContext({ [LONG]: 1 }, () => {}), `withContext() has no field ${CUT}`],
    ['of a setting', () => createTestAnalytics({ [LONG]: 1 }), `There is no setting ${CUT}`],
    [
      'of a setting of tls',
      () => createTestAnalytics({ tls: Object({ [LONG]: 1 }) }),
      `There is no setting 'tls.${'k'.repeat(36)}…'`,
    ],
    [
      'of a setting of oauth',
      () => createTestAnalytics({ oauth: Object({ [LONG]: 1 }) }),
      `There is no setting 'oauth.${'k'.repeat(34)}…'`,
    ],
    [
      'of a setting of redact',
      () => createTestAnalytics({ redact: Object({ [LONG]: 1 }) }),
      `There is no setting 'redact.${'k'.repeat(33)}…'`,
    ],
    [
      'of a path of redact',
      () => createTestAnalytics({ redact: [LONG] }),
      `Setting 'redact' has an invalid path, ${CUT}`,
    ],
    [
      'of a header',
      () => createTestAnalytics({ headers: { [LONG]: 'ü' + '\n' } }),
      "Setting 'headers' must have",
    ],
  ])('is shortened in the error: %s', (_, act, message) => {
    const refused = refusal(act).message;
    expect(refused.slice(0, message.length)).toBe(message);
    expect(refused.length).toBeLessThan(300);
  });

  test.each([
    ['a bigint', 10n ** 100_000n, 'a bigint of more than 40 digits'],
    ['a symbol', Symbol(LONG), `Symbol(${'k'.repeat(33)}…`],
    ['a text', LONG, CUT],
  ])('the error also shortens %s', (_, properties, shown) => {
    const { message } = refusal(() => call(analytics, 'track', { ...EVENT, properties }));
    expect(message).toBe(`track(): properties must be an object; got ${shown}`);
  });
});
