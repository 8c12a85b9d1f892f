// What the caller gave as a timestamp -> the point in time, or what is wrong with it. Used by event.ts.
import { types } from 'node:util';

/** The first and the last millisecond that ISO 8601 writes with a year of four digits. */
const MIN_TIME = -62_167_219_200_000;
const MAX_TIME = 253_402_300_799_999;

const ISO_8601 = /^(\d{4}-\d\d-(\d\d))(?:[T ](\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?)(Z|[+-]\d\d(?::?\d\d)?)?)?$/i;

const NO_SUCH_YEAR = ', which is in no year of four digits';

/** Far more than any time has, and soon looked through. */
const MAX_LENGTH = 100;

/** A Date, or what a message says behind the value: that may be nothing. */
export function readTimestamp(timestamp: unknown): Date | string {
  if (typeof timestamp === 'string') return readText(timestamp);
  const time = millisecondsOf(timestamp);
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

function millisecondsOf(timestamp: unknown): number {
  if (typeof timestamp === 'number') return timestamp;
  // Whatever methods of its own it has.
  return types.isDate(timestamp) ? new Date(timestamp).getTime() : Number.NaN;
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
