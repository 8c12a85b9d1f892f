// Reads a timestamp in any of the accepted forms. Returns the point in time, or what is wrong. Used by validate.ts.
import * as types from 'node:util/types';

/** The first and last millisecond of the years 0 to 9999, which ISO 8601 writes with four digits. */
const MIN_TIME = -62_167_219_200_000;
const MAX_TIME = 253_402_300_799_999;

const ISO_8601 = /^(\d{4}-\d\d-(\d\d))(?:[T ](\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?)(Z|[+-]\d\d(?::?\d\d)?)?)?$/i;

/** The time zone at the end of a date with a time. */
const ZONE = /[T ].*(?:Z|[+-]\d\d(?::?\d\d)?)$/i;

const INVALID = ', which is not a valid time';
const NO_SUCH_YEAR = ', which is not in the years 0 to 9999';

/** Longer text is not a timestamp, and takes the regular expression longer to reject. */
const MAX_LENGTH = 100;

/**
 * A point in time of a library: dayjs, Luxon, Moment, `Temporal.Instant` or `Temporal.ZonedDateTime`. Text from such an
 * object must have a time zone.
 */
export type Instant =
  | { readonly epochMilliseconds: number }
  | { toISOString(): string | null }
  | { toJSON(): string | null; readonly toZonedDateTime?: never };

/** Returns a Date, or for an invalid timestamp the text that follows the value in the message, which may be empty. */
export function readTimestamp(timestamp: unknown): Date | string {
  if (typeof timestamp === 'string') return readText(timestamp);
  if (typeof timestamp === 'object' && timestamp !== null && !Array.isArray(timestamp)) {
    // Also if it has overridden methods.
    if (types.isDate(timestamp)) return readMilliseconds(new Date(timestamp).getTime());
    return readObject(timestamp);
  }
  return readMilliseconds(typeof timestamp === 'number' ? timestamp : Number.NaN);
}

/** The properties of an object that are read. */
type Asked = Readonly<
  Partial<Record<'epochMilliseconds' | 'toISOString' | 'toJSON' | 'toDate' | 'toZonedDateTime', unknown>>
>;

function readObject(timestamp: Asked): Date | string {
  try {
    const { epochMilliseconds } = timestamp;
    if (typeof epochMilliseconds === 'number') return readMilliseconds(epochMilliseconds);
    const text = textOf(timestamp);
    // An invalid object of Luxon or Moment.
    if (text === null) return INVALID;
    if (typeof text !== 'string') return adviceFor(timestamp, false);
    const time = readText(text);
    if (time === NO_SUCH_YEAR) return time;
    if (typeof time === 'string') return adviceFor(timestamp, true);
    return ZONE.test(text) ? time : `, which is not a point in time${adviceFor(timestamp, true)}`;
  } catch {
    // An invalid object of dayjs throws, for example.
    return INVALID;
  }
}

/** The result of the object's `toISOString` or `toJSON`. Undefined if it has neither. */
function textOf(timestamp: Asked): unknown {
  const { toISOString, toJSON } = timestamp;
  if (typeof toISOString === 'function') return Reflect.apply(toISOString, timestamp, []);
  return typeof toJSON === 'function' ? Reflect.apply(toJSON, timestamp, ['timestamp']) : undefined;
}

/** How to convert the object to a point in time. */
function adviceFor({ toZonedDateTime, toDate }: Asked, hasText: boolean): string {
  if (typeof toZonedDateTime === 'function') {
    return "; give it a time zone, for example with toZonedDateTime('UTC')";
  }
  if (typeof toDate === 'function') return '; pass the result of its toDate()';
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

/** Whether this is a plausible time in milliseconds: in range, and more than three years from 1970. */
function isLikely(time: number): boolean {
  return Math.abs(time) > 1e11 && isInRange(time);
}

/** Milliseconds since 1970. Null for a time that doesn't exist, undefined for text that isn't ISO 8601. */
function parse(text: string): number | undefined | null {
  const trimmed = text.trim();
  const match = trimmed.length > MAX_LENGTH ? null : ISO_8601.exec(trimmed);
  if (match === null) return undefined;
  const [, date = '', day, time, zone = 'Z'] = match;
  // V8 takes 30 February for 1 or 2 March.
  if (new Date(date).getUTCDate() !== Number(day)) return null;
  if (time === undefined) return Date.parse(date);
  // V8 reads any other form of the offset with its legacy parser, which takes the year 0099 for 1999.
  const offset = zone.replace(/^(.\d\d):?(\d\d)?$/, (_, hours, minutes = '00') => `${hours}:${minutes}`);
  // Without an offset, V8 would use the time zone of the machine, and the result would depend on the server.
  const parsed = Date.parse(`${date}T${time.replace(',', '.')}${offset.toUpperCase()}`);
  return Number.isNaN(parsed) ? null : parsed;
}
