// Points in time from popular libraries: each is accepted as the time that it means, or refused with a hint how to
// convert it.
import { Temporal } from '@js-temporal/polyfill';
import type { IdentifyEvent } from '@offthread/sdk';
import dayjs from 'dayjs';
import { DateTime } from 'luxon';
import moment from 'moment';
import { describe, expect, expectTypeOf, test, vi } from 'vitest';
import { call, refusal } from '../helpers/untyped.js';
import { flushed, withApi } from '../helpers/with-api.js';

const bench = withApi();

const NOON = '2026-11-24T12:00:00.250Z';
const EVENT = { userId: 'u', event: 'e' };

type Timestamp = IdentifyEvent['timestamp'];

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
    ['a class with toISOString', { toISOString: () => NOON }],
  ])('%s is the point in time that it means', async (_, timestamp) => {
    vi.stubEnv('TZ', 'Asia/Kolkata');
    const analytics = bench.open();
    expect(analytics.track({ ...EVENT, timestamp })).toBe(true);
    analytics.identify({ userId: 'u', traits: { big: 1n }, timestamp });
    flushed(analytics);
    expect(await bench.api.events()).toMatchObject([{ timestamp: NOON }, { timestamp: NOON }]);
    vi.unstubAllEnvs();
  });

  test('beforeSend is a string there, and may be put back', async () => {
    const seen: unknown[] = [];
    const analytics = bench.open({
      beforeSend: (event) => {
        seen.push(event.timestamp);
        return { ...event, timestamp: dayjs('2020-01-01T00:00:00Z') };
      },
    });
    analytics.track({ ...EVENT, timestamp: moment(NOON) });
    flushed(analytics);
    expect(seen).toEqual([NOON]);
    expect(await bench.api.events()).toMatchObject([{ timestamp: '2020-01-01T00:00:00.000Z' }]);
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
    ['epochMilliseconds that are none', { epochMilliseconds: '12' }, 'an object'],
    ['a text in an object', { toJSON: () => 'soon' }, 'an object; convert it to a Date'],
    ['a Buffer', Buffer.from('2026-11-24'), 'an object'],
  ])('%s', (_, timestamp, got) => {
    const analytics = bench.open();
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
