// Validates the arguments of the six methods, by the rules of the API. Next: encode.ts.
import { MAX_MESSAGE_ID_LENGTH } from '@offthread/worker/limits';
import { show, ValidationError } from '../errors.js';
import type { AnyEvent, EventType } from './event.js';
import { checkNames } from './event-fields.js';
import { type Instant, readTimestamp } from './timestamp.js';

/**
 * Validates an event by the rules of its type.
 *
 * @throws {ValidationError} `invalid_event`, with what was expected and what was passed.
 */
export function check(type: EventType, event: AnyEvent): void {
  requireFields(type, event);
  checkNames(type, event);

  const { userId, anonymousId } = event;
  checkIds(type, userId, anonymousId);
  if (userId == null && anonymousId == null && type !== 'alias') {
    throw new ValidationError('invalid_event', `${type}() needs a userId or an anonymousId; got neither`);
  }
  switch (type) {
    case 'track':
      requireText(type, 'event', event.event);
      break;
    case 'group':
      checkId(type, 'groupId', event.groupId);
      break;
    case 'alias':
      checkId(type, 'userId', userId);
      checkId(type, 'previousId', event.previousId);
      break;
    case 'page':
      if (event.name == null && event.category != null) {
        throw new ValidationError(
          'invalid_event',
          'page() needs a name if it has a category; got only a category',
        );
      }
      break;
    case 'identify':
    case 'screen':
      break;
    default:
      void (type satisfies never);
  }
  if (event.name != null) requireText(type, 'name', event.name);
  if (event.category != null) requireText(type, 'category', event.category);
  checkObject(type, 'properties', event.properties);
  checkObject(type, 'traits', event.traits);
  checkObject(type, 'context', event.context);
  checkObject(type, 'integrations', event.integrations);
  if (event.messageId != null) checkMessageId(type, event.messageId);
  if (event.timestamp != null) isoTime(type, event.timestamp);
}

/** @throws {ValidationError} `invalid_event`, if the event isn't an object. */
export function requireFields(type: EventType, event: unknown): void {
  if (typeof event === 'object' && event !== null && !Array.isArray(event)) return;
  throw new ValidationError('invalid_event', `${type}() takes an object of fields`, event);
}

/**
 * Validates the callback of an event.
 *
 * @throws {ValidationError} `invalid_event`, if it is neither a function nor undefined.
 */
export function checkCallback(type: EventType, callback: unknown): void {
  if (callback === undefined || typeof callback === 'function') return;
  throw new ValidationError('invalid_event', `${type}(): callback must be a function`, callback);
}

/**
 * The `timestamp` of an event as ISO 8601 UTC with milliseconds.
 *
 * @throws {ValidationError} `invalid_event`, if it isn't a valid point in time.
 */
export function isoTime(type: EventType, timestamp: Date | string | number | Instant): string {
  const time = readTimestamp(timestamp);
  if (typeof time !== 'string') return time.toISOString();
  const expected = `${type}(): timestamp must be a valid Date, an ISO 8601 string or milliseconds since 1970`;
  throw new ValidationError('invalid_event', `${expected}; got ${show(timestamp)}${time}`);
}

/**
 * Validates the two ids. Both may be absent. An empty string is valid if the other id is set.
 *
 * @throws {ValidationError} `invalid_event`
 */
export function checkIds(caller: string, userId: unknown, anonymousId: unknown): void {
  if (userId != null && (userId !== '' || !anonymousId)) checkId(caller, 'userId', userId);
  if (anonymousId != null && (anonymousId !== '' || !userId)) checkId(caller, 'anonymousId', anonymousId);
}

/** @throws {ValidationError} `invalid_event`, if it isn't a valid id. `caller` is the method it was passed to. */
function checkId(caller: string, name: string, value: unknown): void {
  if (typeof value === 'string' ? value !== '' : typeof value === 'bigint' || Number.isFinite(value)) return;
  const expected = `${caller}(): ${name} must be a non-empty string, a finite number or a bigint`;
  throw new ValidationError('invalid_event', expected, value);
}

function requireText(type: EventType, name: string, value: unknown): void {
  if (typeof value === 'string' && value !== '') return;
  throw new ValidationError('invalid_event', `${type}(): ${name} must be a non-empty string`, value);
}

/** @throws {ValidationError} `invalid_event`, if the field is set and isn't an object. */
export function checkObject(caller: string, name: string, value: unknown): void {
  if (value == null || (typeof value === 'object' && !Array.isArray(value))) return;
  throw new ValidationError('invalid_event', `${caller}(): ${name} must be an object`, value);
}

function checkMessageId(type: EventType, value: unknown): void {
  checkId(type, 'messageId', value);
  const { length } = String(value);
  if (length <= MAX_MESSAGE_ID_LENGTH) return;
  const expected = `${type}(): messageId must have at most ${MAX_MESSAGE_ID_LENGTH} characters; got ${length}`;
  throw new ValidationError('invalid_event', expected);
}
