// The events of an error can be sent again unchanged, by any client.
import { Analytics, type AnalyticsError, type SentEvent, ValidationError } from '@offthread/sdk';
import { expect, test } from 'vitest';
import { Trial } from '../helpers/trial.js';
import { refusal } from '../helpers/untyped.js';
import { withApi } from '../helpers/with-api.js';

const bench = withApi();

/** Tracks one event of each type, which the API refuses. Returns the events of the error. */
async function refusedEvents(): Promise<readonly SentEvent[]> {
  await bench.api.script([{ type: 'answer', status: 403 }]);
  const errors: AnalyticsError[] = [];
  const analytics = new Analytics({
    writeKey: 'KEY',
    host: bench.api.url,
    onError: (error) => errors.push(error),
  });
  const timestamp = '2020-01-01T00:00:00.000Z';
  const context = { ip: '192.0.2.1', library: { name: 'ignored' } };
  analytics.track({
    userId: 1,
    event: 'E',
    properties: { a: [1, null], big: 2n ** 64n },
    timestamp,
    context,
  });
  analytics.identify({ anonymousId: 'a', traits: { name: 'Ä' } });
  analytics.page({ userId: 'u', name: 'Home', category: 'Site' });
  analytics.screen({ userId: 'u', name: 'Start' });
  analytics.group({ userId: 'u', groupId: 10n ** 20n, traits: {}, integrations: { All: false } });
  analytics.alias({ userId: 'u', previousId: 'a', messageId: 'mine' });
  await analytics.close();
  expect(errors).toMatchObject([{ code: 'rejected', count: 6 }]);
  return errors[0]?.events ?? [];
}

test('unchanged from the first time: messageId, timestamp, context.library and everything else', async () => {
  const events = await refusedEvents();
  await using trial = new Trial({ host: bench.api.url });
  expect(trial.analytics.resend(events)).toBe(6);
  expect(await trial.flushAsync(10_000)).toMatchObject({ status: 'ok', delivered: 6 });
  const [refused, sent] = await bench.api.requests();
  expect(sent?.events).toEqual(refused?.events);
  expect(sent?.events).toEqual(events);
  expect(events.map(({ type }) => type)).toEqual(['track', 'identify', 'page', 'screen', 'group', 'alias']);
  expect(trial.errors).toEqual([]);
});

test('from JSON, although there was a BigInt, and with the library of another version', async () => {
  const saved: Record<string, unknown>[] = JSON.parse(JSON.stringify(await refusedEvents()));
  const library = { name: '@offthread/sdk', version: '0.0.1' };
  for (const event of saved) event['context'] = { ...(event['context'] as object), library };
  await using trial = new Trial({ host: bench.api.url });
  expect(trial.analytics.resend(saved)).toBe(6);
  await trial.flushAsync(10_000);
  const events = await bench.api.events();
  expect(events).toEqual(saved);
  expect(events[0]).toMatchObject({ properties: { big: '18446744073709551616' }, context: { library } });
});

test('even if they contain a BigInt or lack what the client adds', async () => {
  await using trial = new Trial({ host: bench.api.url });
  const library = { name: 'another', version: '1' };
  const events = [
    {
      type: 'track',
      userId: 1n,
      event: 'E',
      properties: { big: 2n ** 64n },
      messageId: 'one',
      context: { library },
    },
    { type: 'identify', userId: 'u' },
    { type: 'identify', userId: 'u', context: { ip: '192.0.2.1', library: null } },
  ];
  expect(trial.analytics.resend(events)).toBe(3);
  await trial.flushAsync(10_000);
  const received = await bench.api.events();
  expect(received).toMatchObject([
    { messageId: 'one', userId: '1', properties: { big: '18446744073709551616' }, context: { library } },
    { type: 'identify', context: { library: { name: '@offthread/sdk' } } },
    { type: 'identify', context: { ip: '192.0.2.1', library: { name: '@offthread/sdk' } } },
  ]);
  for (const { messageId, timestamp } of received) {
    expect(messageId).toMatch(/./);
    expect(timestamp).toMatch(/Z$/);
  }
});

test.each<[string, unknown, string]>([
  ['no list', { type: 'track' }, 'an array of events'],
  ['nothing', undefined, 'an array of events'],
  ["something that isn't an event", ['x'], 'events[0]: An event must be an object of fields'],
  ['an event without a type', [{ userId: 'u', event: 'E' }], 'events[0]: type must be'],
  ['an unknown type', [{ type: 'toString', userId: 'u', event: 'E' }], 'events[0]: type must be'],
  ['a field of another type', [{ type: 'identify', userId: 'u', event: 'E' }], "no field 'event'"],
  [
    'a bad one after a good one',
    [
      { type: 'identify', userId: 'u' },
      { type: 'track', userId: 'u' },
    ],
    'events[1]: track(): event must be',
  ],
])('%s throws, and nothing is accepted', async (_name, events, message) => {
  await using trial = new Trial({ host: bench.api.url });
  const resend = (): number => trial.analytics.resend(events as SentEvent[]);
  expect(resend).toThrow(ValidationError);
  expect(resend).toThrow(message);
  expect(trial.analytics.stats()).toMatchObject({ accepted: 0, refused: {} });
});

test('not if one of them cannot be read', async () => {
  await using trial = new Trial({ host: bench.api.url });
  const unreadable = Object.defineProperty({ type: 'track', userId: 'u' }, 'event', {
    get: () => {
      throw new RangeError('mine');
    },
    enumerable: true,
  });
  const events = [{ type: 'track', userId: 'u', event: 'e' }, unreadable];
  const { message } = refusal(() => trial.analytics.resend(events));
  expect(message).toBe('resend(), events[1]: The event cannot be read');
  expect(trial.analytics.stats().accepted).toBe(0);
});

test('as long as there is room; the rest can be sent later', async () => {
  await using trial = new Trial({ host: bench.api.url, maxQueueSize: 4 });
  const events = await refusedEvents();
  await bench.api.reset();
  const accepted = trial.analytics.resend(events);
  expect(accepted).toBe(4);
  await trial.flushAsync(10_000);
  expect(trial.analytics.resend(events.slice(accepted))).toBe(2);
  await trial.flushAsync(10_000);
  expect(await bench.api.events()).toEqual(events);
  expect(trial.analytics.stats()).toMatchObject({ accepted: 6, delivered: 6 });
});

test('not by a closed client', async () => {
  const trial = new Trial({ host: bench.api.url });
  await trial.analytics.close();
  expect(trial.analytics.resend([{ type: 'identify', userId: 'u' }])).toBe(0);
  expect(trial.analytics.resend([])).toBe(0);
});

test('what is dropped when one client closes is delivered by the next', async () => {
  await bench.api.stop();
  let saved = '[]';
  const first = new Analytics({
    writeKey: 'KEY',
    host: bench.api.url,
    onError: ({ events }) => {
      saved = JSON.stringify([...JSON.parse(saved), ...events]);
    },
  });
  for (let n = 0; n < 250; n++)
    first.track({ userId: 'u', event: 'E', messageId: `m-${n}`, properties: { n: BigInt(n) } });
  expect(await first.close(200)).toMatchObject({ status: 'timeout', pending: 250 });
  await bench.api.start();
  await using trial = new Trial({ host: bench.api.url });
  expect(trial.analytics.resend(JSON.parse(saved))).toBe(250);
  // The first batches may be delivered before the flush, which doesn't count them.
  expect(await trial.flushAsync(10_000)).toMatchObject({ status: 'ok', pending: 0 });
  expect(trial.analytics.stats().delivered).toBe(250);
  expect(await bench.api.messageIds()).toEqual(Array.from({ length: 250 }, (_, n) => `m-${n}`));
});
