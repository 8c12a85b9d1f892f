// Warnings about an event for its sender.

import { isObject, MAX_EVENT_BYTES } from '@offthread/tracking-api/event-rules';

/** The kinds of warnings. */
export type WarningCode =
  | 'not-an-object'
  | 'no-user'
  | 'no-message-id'
  | 'duplicate'
  | 'too-large'
  | 'bad-timestamp'
  | 'future'
  | 'name-form';

/** Something about an event that its sender should check. */
export interface Warning {
  code: WarningCode;
  /** A `problem` loses data. `style` is a recommendation. */
  level: 'problem' | 'style';
  /** A few words. */
  title: string;
  /** The consequence, and what to do. */
  advice: string;
}

/** How an event arrived. */
export interface Arrival {
  /** Length of its JSON text, in bytes of UTF-8. */
  bytes: number;
  /** When it arrived, in ms since 1970. */
  receivedMs: number;
  /** Whether an event with the same messageId was received before. */
  isDuplicate: boolean;
}

/** The clocks of two machines rarely differ by more, in ms. */
const CLOCK_SKEW_MS = 5_000;

/** Words that stay lower case in a title. */
const SMALL_WORDS = 'a|an|and|as|at|by|for|from|in|into|of|off|on|or|out|per|the|to|up|via|vs|with';

/** Two or more words that start with a capital, a digit, or a letter of a script without capitals. */
const OBJECT_ACTION = new RegExp(
  `^[\\p{Lu}\\p{Lt}\\p{Lo}\\p{Nd}]\\S*( (${SMALL_WORDS}|[\\p{Lu}\\p{Lt}\\p{Lo}\\p{Nd}]\\S*))* [\\p{Lu}\\p{Lt}\\p{Lo}\\p{Nd}]\\S*$`,
  'u',
);

/** Returns the warnings of an event, most important first. The event may be any JSON value. */
export function warningsOf(event: unknown, { bytes, receivedMs, isDuplicate }: Arrival): Warning[] {
  if (!isObject(event)) {
    return [
      warning('not-an-object', 'Not an object', 'An event is a JSON object. The API drops everything else.'),
    ];
  }
  const { type, userId, anonymousId, messageId, timestamp, event: name } = event;
  const warnings: Warning[] = [];
  if (isBlank(userId) && isBlank(anonymousId)) {
    warnings.push(
      warning(
        'no-user',
        'No user',
        'It has neither userId nor anonymousId. Set one: the API drops an event without a user.',
      ),
    );
  }
  if (bytes > MAX_EVENT_BYTES) {
    const advice = `${bytes} bytes; the API takes ${MAX_EVENT_BYTES} (32 KB). Send less, or in several events.`;
    warnings.push(warning('too-large', 'Over 32 KB', advice));
  }
  if (isBlank(messageId)) {
    warnings.push(
      warning(
        'no-message-id',
        'No messageId',
        'A retry of its batch would count it twice. The SDK sets one.',
      ),
    );
  } else if (isDuplicate) {
    const advice =
      'An event with this messageId was received before; the API keeps the first and drops this one.';
    warnings.push(warning('duplicate', 'Duplicate messageId', advice));
  }
  warnings.push(...timeWarnings(timestamp, receivedMs));
  if (type === 'track' && typeof name === 'string' && !OBJECT_ACTION.test(name)) {
    const advice = 'Names in “Object Action” form, like “Order Completed”, stay readable in every tool.';
    warnings.push(warning('name-form', 'Name not “Object Action”', advice));
  }
  return warnings;
}

function timeWarnings(timestamp: unknown, receivedMs: number): Warning[] {
  if (timestamp === undefined || timestamp === null) return [];
  const time = typeof timestamp === 'string' ? timeOf(timestamp) : Number.NaN;
  if (Number.isNaN(time)) {
    return [
      warning('bad-timestamp', 'Unreadable timestamp', 'Expected ISO 8601, like 2025-01-31T12:00:00.000Z.'),
    ];
  }
  if (time <= receivedMs + CLOCK_SKEW_MS) return [];
  const seconds = Math.round((time - receivedMs) / 1_000);
  return [
    warning('future', 'Timestamp in the future', `It is ${seconds} s ahead of its arrival. Check the clock.`),
  ];
}

/** Returns NaN for dates that don't exist, which `Date.parse` changes, and for years of more than four digits. */
function timeOf(timestamp: string): number {
  const [, date = '', day] = /^(\d{4}-\d\d-(\d\d))/.exec(timestamp) ?? [];
  if (day !== undefined && new Date(date).getUTCDate() !== Number(day)) return Number.NaN;
  return /^[+-]/.test(timestamp) ? Number.NaN : Date.parse(timestamp);
}

function warning(code: WarningCode, title: string, advice: string): Warning {
  const level = code === 'name-form' ? 'style' : 'problem';
  return { code, level, title, advice };
}

function isBlank(value: unknown): boolean {
  return value === undefined || value === null || value === '';
}
