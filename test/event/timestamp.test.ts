// Points in time, as dates, numbers, text and objects of popular libraries: each is accepted as the time that it means, or
// refused with a hint how to convert it.
import { runInNewContext } from 'node:vm';
import { Temporal } from '@js-temporal/polyfill';
import type { IdentifyEvent } from '@offthread/sdk';
import { createTestAnalytics } from '@offthread/sdk/testing';
import dayjs from 'dayjs';
import { DateTime } from 'luxon';
import moment from 'moment';
import { describe, expect, expectTypeOf, test, vi } from 'vitest';
import { call, refusal } from '../helpers/untyped.js';

const WHOLE_NOON = '2026-11-24T12:00:00.000Z';
const NOON = '2026-11-24T12:00:00.250Z';
const EVENT = { userId: 'u', event: 'e' };

type Timestamp = IdentifyEvent['timestamp'];

describe('a timestamp that is', () => {
  test.each([
    ['a Date', new Date(WHOLE_NOON), WHOLE_NOON],
    ['a Date with milliseconds', new Date(1_796_000_000_007), '2026-11-30T00:53:20.007Z'],
    ['milliseconds since 1970', Date.parse(WHOLE_NOON), WHOLE_NOON],
    ['a fraction of a millisecond', Date.parse(WHOLE_NOON) + 0.9, WHOLE_NOON],
    ['the very first millisecond', 0, '1970-01-01T00:00:00.000Z'],
    ['a time before it', -1, '1969-12-31T23:59:59.999Z'],
    ['ISO 8601 with Z', '2026-11-24T12:00:00Z', WHOLE_NOON],
    ['ISO 8601 with milliseconds', '2012-12-02T00:30:12.984Z', '2012-12-02T00:30:12.984Z'],
    [
      'ISO 8601 with microseconds, which are cut off',
      '2012-12-02T00:30:12.984999Z',
      '2012-12-02T00:30:12.984Z',
    ],
    ['ISO 8601 with an offset', '2026-11-24T14:30:00+02:30', WHOLE_NOON],
    ['ISO 8601 with an offset without colon', '2026-11-24T04:00:00-0800', WHOLE_NOON],
    ['ISO 8601 with an offset of hours, as PostgreSQL writes it', '2026-11-24 14:00:00+02', WHOLE_NOON],
    ['ISO 8601 with a decimal comma', '2026-11-24T12:00:00,25Z', '2026-11-24T12:00:00.250Z'],
    ['ISO 8601 without a zone, which is UTC', '2026-11-24T12:00:00', WHOLE_NOON],
    ['ISO 8601 with a blank, without a zone', '2026-11-24 12:00:00', WHOLE_NOON],
    ['ISO 8601 without seconds', '2026-11-24T12:00', WHOLE_NOON],
    ['a date alone', '2026-11-24', '2026-11-24T00:00:00.000Z'],
    ['a Date of another realm', runInNewContext(`new Date('${WHOLE_NOON}')`), WHOLE_NOON],
    ['the end of a day, which is the start of the next', '2019-02-28T24:00:00Z', '2019-03-01T00:00:00.000Z'],
    ['a leap day', '2020-02-29T10:00:00', '2020-02-29T10:00:00.000Z'],
    ['a leap day at the end of a century', '2000-02-29', '2000-02-29T00:00:00.000Z'],
    ['the end of a month in a zone that is ahead', '2019-03-01T00:30:00+01:00', '2019-02-28T23:30:00.000Z'],
    ['the first year of four digits', '0000-01-01', '0000-01-01T00:00:00.000Z'],
    ['a year below 100, without a zone', '0099-03-01 10:00', '0099-03-01T10:00:00.000Z'],
    ['a year below 100, with t and z in lower case', '0099-03-01t10:00:00z', '0099-03-01T10:00:00.000Z'],
    ['ISO 8601 with white space around it', ' 2026-11-24T12:00:00Z\n', WHOLE_NOON],
    ['the last millisecond of four digits', 253_402_300_799_999, '9999-12-31T23:59:59.999Z'],
    ['seconds, which could as well be milliseconds', 1_556_712_000, '1970-01-19T00:25:12.000Z'],
    ['a year of the nineteenth century', '1876-03-10', '1876-03-10T00:00:00.000Z'],
  ])('%s is sent as ISO 8601 UTC with milliseconds', (_, timestamp, expected) => {
    // In a time zone far from UTC, so that local time would be noticed.
    vi.stubEnv('TZ', 'Asia/Kolkata');
    try {
      expect(new Date(0).getHours()).toBe(5);
      const analytics = createTestAnalytics();
      analytics.track({ ...EVENT, timestamp });
      expect(analytics.events).toMatchObject([{ timestamp: expected }]);
    } finally {
      vi.unstubAllEnvs();
    }
  });
});

describe('a timestamp of', () => {
  const zoned = Temporal.Instant.from(NOON).toZonedDateTimeISO('Europe/Zurich');
  test.each<[string, Timestamp]>([
    ['dayjs', dayjs(NOON)],
    ['Luxon', DateTime.fromISO(NOON)],
    ['Luxon in another zone', DateTime.fromISO(NOON, { zone: 'America/New_York' })],
    ['Moment', moment(NOON)],
    ['Moment in UTC', moment.utc(NOON)],
    ['Moment with an offset', moment(NOON).utcOffset('+05:30')],
    ['Temporal.Instant', Temporal.Instant.from(NOON)],
    ['Temporal.ZonedDateTime', zoned],
    ['a Date with a toISOString of its own', Object.assign(new Date(NOON), { toISOString: () => 'now' })],
    ['a class with toJSON', { toJSON: () => '2026-11-24T13:00:00.25+01:00' }],
    ['a class with toJSON and an offset of hours', { toJSON: () => '2026-11-24T13:00:00.25+01' }],
    ['a class with toJSON and an offset without colon', { toJSON: () => '2026-11-24T13:00:00.25+0100' }],
    ['a class with toISOString', { toISOString: () => NOON }],
  ])('%s is the point in time that it means', (_, timestamp) => {
    vi.stubEnv('TZ', 'Asia/Kolkata');
    const analytics = createTestAnalytics();
    expect(analytics.track({ ...EVENT, timestamp })).toBe(true);
    analytics.identify({ userId: 'u', traits: { big: 1n }, timestamp });
    expect(analytics.events).toMatchObject([{ timestamp: NOON }, { timestamp: NOON }]);
    vi.unstubAllEnvs();
  });

  test('beforeSend is a string there, and may be put back', () => {
    const seen: unknown[] = [];
    const analytics = createTestAnalytics({
      beforeSend: (event) => {
        seen.push(event.timestamp);
        return { ...event, timestamp: dayjs('2020-01-01T00:00:00Z') };
      },
    });
    analytics.track({ ...EVENT, timestamp: moment(NOON) });
    analytics.track({ ...EVENT, timestamp: Date.parse(NOON) });
    expect(seen).toEqual([NOON, NOON]);
    const timestamp = '2020-01-01T00:00:00.000Z';
    expect(analytics.events).toMatchObject([{ timestamp }, { timestamp }]);
  });
});

describe('the error names the conversion for', () => {
  const EXPECTED = 'track(): timestamp must be a valid Date, an ISO 8601 string or milliseconds since 1970';
  const ZONE = "which is not a point in time; give it a time zone, for example with toZonedDateTime('UTC')";

  test.each<[string, unknown, string]>([
    ['Temporal.PlainDateTime', Temporal.PlainDateTime.from('2026-11-24T12:00'), `an object, ${ZONE}`],
    ['Temporal.PlainDate', Temporal.PlainDate.from('2026-11-24'), `an object, ${ZONE}`],
    ['Temporal.PlainTime', Temporal.PlainTime.from('12:00'), 'an object; convert it to a Date'],
    ['Temporal.Duration', Temporal.Duration.from('PT1H'), 'an object; convert it to a Date'],
    [
      'a local time of another library',
      { toJSON: () => '2026-11-24T12:00:00' },
      'an object, which is not a point in time; convert it to a Date',
    ],
    ['an invalid dayjs', dayjs('soon'), 'an object, which is not a valid time'],
    ['an invalid Luxon DateTime', DateTime.fromISO('soon'), 'an object, which is not a valid time'],
    ['an invalid Moment', moment(Number.NaN), 'an object, which is not a valid time'],
    [
      'a Timestamp of Firestore',
      {
        seconds: 1,
        nanoseconds: 2,
        toDate: () => new Date(),
        toJSON: () => ({ seconds: 1, nanoseconds: 2 }),
      },
      'an object; pass the result of its toDate()',
    ],
    ['what throws', { toISOString: () => { throw new Error('no'); } }, 'an object, which is not a valid time'], // biome-ignore format: one line each
    ['a year before the first', Temporal.Instant.from('-000100-11-24T12:00Z'), 'an object, which is not in the years 0 to 9999'], // biome-ignore format: one line each
    ['a text after the last year', { toJSON: () => '9999-12-31T23:59:59-01:00' }, 'an object, which is not in the years 0 to 9999'], // biome-ignore format: one line each
    ['epochMilliseconds that are none', { epochMilliseconds: '12' }, 'an object'],
    ['a text in an object', { toJSON: () => 'soon' }, 'an object; convert it to a Date'],
    ['a Buffer', Buffer.from('2026-11-24'), 'an object'],
  ])('%s', (_, timestamp, got) => {
    const analytics = createTestAnalytics();
    expect(refusal(() => call(analytics, 'track', { ...EVENT, timestamp })).message).toBe(
      `${EXPECTED}; got ${got}`,
    );
    expect(analytics.stats().accepted).toBe(0);
  });
});

test('the types accept values that are a point in time, and no others', () => {
  expectTypeOf<dayjs.Dayjs>().toExtend<Timestamp>();
  expectTypeOf<DateTime>().toExtend<Timestamp>();
  expectTypeOf<moment.Moment>().toExtend<Timestamp>();
  expectTypeOf<Temporal.Instant>().toExtend<Timestamp>();
  expectTypeOf<Temporal.ZonedDateTime>().toExtend<Timestamp>();
  expectTypeOf<Temporal.PlainDateTime>().not.toExtend<Timestamp>();
  expectTypeOf<{ seconds: number }>().not.toExtend<Timestamp>();
  expectTypeOf<boolean>().not.toExtend<Timestamp>();
});
