// What the caller gave as a timestamp -> the point in time, or what is wrong with it. Used by event.ts.
import * as types from 'node:util/types';

/** The first and the last millisecond that ISO 8601 writes with a year of four digits. */
const MIN_TIME = -62_167_219_200_000;
const MAX_TIME = 253_402_300_799_999;

const ISO_8601 = /^(\d{4}-\d\d-(\d\d))(?:[T ](\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?)(Z|[+-]\d\d(?::?\d\d)?)?)?$/i;

/** At the end of a date with a time. */
const ZONE = /[T ].*(?:Z|[+-]\d\d(?::?\d\d)?)$/i;

const INVALID = ', which is not a valid time';
const NO_SUCH_YEAR = ', which is in no year of four digits';

/** Far more than any time has, and soon looked through. */
const MAX_LENGTH = 100;

/**
 * A point in time as libraries have it: dayjs, Luxon, Moment, and `Temporal.Instant` and `ZonedDateTime`. Text must name
 * its zone.
 */
export type Instant =
  | { readonly epochMilliseconds: number }
  | { toISOString(): string | null }
  | { toJSON(): string | null; readonly toZonedDateTime?: never };

/** A Date, or what a message says behind the value: that may be nothing. */
export function readTimestamp(timestamp: unknown): Date | string {
  if (typeof timestamp === 'string') return readText(timestamp);
  if (typeof timestamp === 'object' && timestamp !== null && !Array.isArray(timestamp)) {
    // Whatever methods of its own it has.
    if (types.isDate(timestamp)) return readMilliseconds(new Date(timestamp).getTime());
    return readObject(timestamp);
  }
  return readMilliseconds(typeof timestamp === 'number' ? timestamp : Number.NaN);
}

/** What else may be asked of an object. */
type Asked = Readonly<
  Partial<Record<'epochMilliseconds' | 'toISOString' | 'toJSON' | 'toDate' | 'toZonedDateTime', unknown>>
>;

function readObject(timestamp: Asked): Date | string {
  try {
    const { epochMilliseconds } = timestamp;
    if (typeof epochMilliseconds === 'number') return readMilliseconds(epochMilliseconds);
    const text = textOf(timestamp);
    // An invalid one of Luxon or Moment.
    if (text === null) return INVALID;
    const time = typeof text === 'string' ? readText(text) : undefined;
    const isLocal = typeof text === 'string' && typeof time === 'object' && !ZONE.test(text);
    if (typeof time === 'object' && !isLocal) return time;
    if (time === NO_SUCH_YEAR) return time;
    return `${isLocal ? ', which names no point in time' : ''}${adviceFor(timestamp, time !== undefined)}`;
  } catch {
    // An invalid one of dayjs, among others.
    return INVALID;
  }
}

/** What an object says of itself as text; undefined if it does not. */
function textOf(timestamp: Asked): unknown {
  const { toISOString, toJSON } = timestamp;
  if (typeof toISOString === 'function') return Reflect.apply(toISOString, timestamp, []);
  return typeof toJSON === 'function' ? Reflect.apply(toJSON, timestamp, ['timestamp']) : undefined;
}

/** How to make a point in time of an object. */
function adviceFor({ toZonedDateTime, toDate }: Asked, hasText: boolean): string {
  if (typeof toZonedDateTime === 'function') {
    return "; give it a time zone, as toZonedDateTime('UTC') does";
  }
  if (typeof toDate === 'function') return '; pass what its toDate() returns';
  return hasText ? '; convert it to a Date' : '';
}

function readMilliseconds(time: number): Date | string {
  if (isInRange(time)) return new Date(time);
  if (isLikely(time / 1e3)) return ', which looks like microseconds';
  if (isLikely(time / 1e6)) return ', which looks like nanoseconds';
  return Math.abs(time) <= 8.64e15 ? NO_SUCH_YEAR : '';
}

function readText(text: string): Date | string {
  const time = parse(text);
  if (time === undefined) return '';
  if (time === null) return ', which does not exist';
  return isInRange(time) ? new Date(time) : NO_SUCH_YEAR;
}

function isInRange(time: number): boolean {
  return time >= MIN_TIME && time <= MAX_TIME;
}

/** Whether a number of milliseconds may be meant: not one of the three years around 1970. */
function isLikely(time: number): boolean {
  return Math.abs(time) > 1e11 && isInRange(time);
}

/** Milliseconds since 1970; null for a time that does not exist, and undefined for what is no ISO 8601. */
function parse(text: string): number | undefined | null {
  const trimmed = text.trim();
  const match = trimmed.length > MAX_LENGTH ? null : ISO_8601.exec(trimmed);
  if (match === null) return undefined;
  const [, date = '', day, time, zone = 'Z'] = match;
  // V8 counts on into the next month.
  if (new Date(date).getUTCDate() !== Number(day)) return null;
  if (time === undefined) return Date.parse(date);
  // V8 takes other forms than this one for no ISO 8601, and then 0099 for 1999.
  const offset = zone.replace(/^(.\d\d):?(\d\d)?$/, (_, hours, minutes = '00') => `${hours}:${minutes}`);
  // Without a zone it would take the machine's, and two servers would tell two times.
  const parsed = Date.parse(`${date}T${time.replace(',', '.')}${offset.toUpperCase()}`);
  return Number.isNaN(parsed) ? null : parsed;
}
