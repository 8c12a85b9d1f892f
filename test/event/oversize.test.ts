// An event that can't fit into the API's 32 KB is refused at the call, unless the worker may still shorten it.
import type { AnalyticsError, OutgoingEvent, SentEvent } from '@offthread/sdk';
import { describe, expect, test, vi } from 'vitest';
import { eventOfBytes } from '../helpers/exact-event.js';
import { flushed, upTo, withApi } from '../helpers/with-api.js';

const bench = withApi();

const MAX_BYTES = 32 * 1024;
const LARGE = { filler: 'x'.repeat(MAX_BYTES) };

test('it is counted and reported to onError and the callback each time', async () => {
  const analytics = bench.open();
  const callback = vi.fn();
  for (const n of upTo(3)) {
    expect(analytics.track({ userId: 'u', event: `large ${n}`, properties: LARGE }, callback)).toBe(false);
  }
  expect(analytics.track({ userId: 'u', event: 'small' })).toBe(true);
  flushed(analytics);
  expect(analytics.stats()).toMatchObject({
    accepted: 1,
    delivered: 1,
    dropped: {},
    refused: { event_too_large: 3 },
  });
  expect((await bench.api.events()).map(({ event }) => event)).toEqual(['small']);
  expect(bench.errors).toMatchObject(
    upTo(3).map((n) => ({
      code: 'event_too_large',
      message: expect.stringMatching(
        /^An event may have at most 32768 bytes as sent; this one has 32\d\d\d$/,
      ),
      events: [{ type: 'track', event: `large ${n}` }],
      count: 1,
      attempts: 0,
      status: undefined,
    })),
  );
  expect(callback.mock.calls).toMatchObject(bench.errors.map(({ code, events }) => [{ code, events }]));
});

describe('an event of 32,768 bytes is accepted and one of 32,769 refused', () => {
  const WAYS: [way: string, fields: object, settings: object][] = [
    ['as it is', {}, {}],
    ['with a context', { context: { ip: '192.0.2.1' } }, {}],
    ['with a timestamp', { timestamp: 0 }, {}],
    ['with a library of its own', { context: { library: 'none' } }, {}],
    ['after beforeSend', {}, { beforeSend: (event: OutgoingEvent) => event }],
    ['of a stub', {}, { stub: true }],
  ];

  test.each(WAYS)('%s', async (_, fields, settings) => {
    const measure = bench.open({ ...settings, stub: false });
    const event = (filler: string) => ({
      userId: 'u',
      event: 'e',
      properties: { filler },
      ...fields,
    });
    measure.track(event(''));
    flushed(measure);
    const body = await bench.api.body(1);
    const bytes = Buffer.byteLength(body.slice('{"batch":['.length, body.lastIndexOf('],"sentAt"')));
    for (const [letter, size] of [
      ['x', 1],
      ['ä', 2],
      ['漢', 3],
      ['😀', 4],
      ['"', 2],
    ] as const) {
      const count = Math.floor((MAX_BYTES - bytes) / size);
      const filler = letter.repeat(count) + 'x'.repeat(MAX_BYTES - bytes - count * size);
      const analytics = bench.open(settings);
      // A refused event uses no number, so both have a messageId of the same length.
      expect(analytics.track(event(`${filler}x`))).toBe(false);
      expect(analytics.track(event(filler))).toBe(true);
      flushed(analytics);
      expect(analytics.stats()).toMatchObject({ accepted: 1, delivered: 1, refused: { event_too_large: 1 } });
      expect(bench.errors.at(-1)?.message).toContain(`this one has ${MAX_BYTES + 1}`);
    }
  });

  test('of a disabled client', () => {
    const analytics = bench.open({ disable: true });
    expect(analytics.track(eventOfBytes(MAX_BYTES))).toBe(true);
    expect(analytics.track(eventOfBytes(MAX_BYTES + 1))).toBe(false);
    expect(bench.errors).toMatchObject([{ code: 'event_too_large' }]);
  });
});

describe('an event with a BigInt', () => {
  test.each<[string, object]>([
    ['beside a long text', { big: 1n, ...LARGE }],
    ['that is long', { big: 10n ** 40_000n }],
    ['that is long and negative', { big: -(10n ** 40_000n) }],
    ['among many', { list: upTo(9_000).map(() => 7n) }],
    ['among many long ones', { list: upTo(200).map(() => 10n ** 400n) }],
  ])("%s is refused if it can't fit", (_, properties) => {
    const analytics = bench.open();
    expect(analytics.track({ userId: 'u', event: 'e', properties })).toBe(false);
    expect(bench.errors).toMatchObject([{ code: 'event_too_large' }]);
    expect(bench.errors[0]?.message).toMatch(/as sent; this one has at least \d{5,}$/);
  });

  test('is accepted if it fits, whatever it contains', async () => {
    const analytics = bench.open();
    const fitting: object[] = [
      { big: 10n ** 32_000n },
      { list: upTo(7_900).map(() => 7n) },
      { list: upTo(120).map(() => -(10n ** 260n)) },
      { big: 1n, filler: 'x'.repeat(32_000) },
      { big: 1n, filler: '漢'.repeat(10_600) },
    ];
    for (const properties of fitting) {
      expect(analytics.track({ userId: 'u', event: 'e', properties })).toBe(true);
    }
    flushed(analytics);
    expect(bench.errors).toEqual([]);
    expect(await bench.api.counts()).toMatchObject({ events: fitting.length });
  });
});

test('beforeSend may shorten an event, or make it too large', async () => {
  const analytics = bench.open({
    beforeSend: (event) => ({ ...event, properties: event.event === 'shorten' ? {} : LARGE }),
  });
  expect(analytics.track({ userId: 'u', event: 'shorten', properties: LARGE })).toBe(true);
  expect(analytics.track({ userId: 'u', event: 'extend', properties: {} })).toBe(false);
  flushed(analytics);
  expect((await bench.api.events()).map(({ event }) => event)).toEqual(['shorten']);
  expect(bench.errors).toMatchObject([{ code: 'event_too_large', events: [{ event: 'extend' }] }]);
});

test('redact may shorten an event, so with redact the worker decides', async () => {
  const analytics = bench.open({ redact: ['properties.filler'] });
  const outcomes: (AnalyticsError | undefined)[] = [];
  expect(analytics.track({ userId: 'u', event: 'shorter', properties: LARGE })).toBe(true);
  expect(
    analytics.track({ userId: 'u', event: 'not', properties: { other: LARGE } }, (error) =>
      outcomes.push(error),
    ),
  ).toBe(true);
  flushed(analytics);
  expect((await bench.api.events()).map(({ event }) => event)).toEqual(['shorter']);
  expect(analytics.stats()).toMatchObject({ accepted: 2, delivered: 1, dropped: { event_too_large: 1 } });
  expect(bench.errors).toMatchObject([{ code: 'event_too_large', events: [{ event: 'not' }] }]);
  expect(outcomes).toEqual(bench.errors);
});

test('a resent event that is too large is accepted and dropped, so that the events after it are sent', async () => {
  const analytics = bench.open();
  const events: SentEvent[] = ['first', 'large', 'last'].map((event) => ({
    type: 'track',
    userId: 'u',
    event,
    properties: event === 'large' ? LARGE : {},
  }));
  expect(analytics.resend(events)).toBe(3);
  flushed(analytics);
  expect((await bench.api.events()).map(({ event }) => event)).toEqual(['first', 'last']);
  expect(analytics.stats()).toMatchObject({ accepted: 3, delivered: 2, dropped: { event_too_large: 1 } });
});
