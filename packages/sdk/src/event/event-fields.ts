// The fields that an event of each type may have, and copies of events. Used by validate.ts and by those who fill events in.
import { show, ValidationError } from '../errors.js';
import { isForeign, plainFields } from '../input/fields.js';
import { OTHER_FIELDS } from '../input/other-names.js';
import { suggest } from '../input/suggest.js';
import type { AnyEvent, EventType } from './event.js';

type Field = keyof AnyEvent;

const COMMON: Field[] = ['userId', 'anonymousId', 'context', 'integrations', 'timestamp', 'messageId'];

/** What each has beside these. */
const MORE: Readonly<Record<EventType, readonly Field[]>> = {
  identify: ['traits'],
  track: ['event', 'properties'],
  page: ['name', 'category', 'properties'],
  screen: ['name', 'category', 'properties'],
  group: ['groupId', 'traits'],
  alias: ['previousId'],
};

const FIELDS: Readonly<Record<EventType, ReadonlySet<Field>>> = {
  identify: new Set([...COMMON, ...MORE.identify]),
  track: new Set([...COMMON, ...MORE.track]),
  page: new Set([...COMMON, ...MORE.page]),
  screen: new Set([...COMMON, ...MORE.screen]),
  group: new Set([...COMMON, ...MORE.group]),
  alias: new Set([...COMMON, ...MORE.alias]),
};

const ALL: ReadonlySet<string> = new Set(Object.values(FIELDS).flatMap((fields) => [...fields]));

/** The type of that name, where there is one. */
export function eventType(name: unknown): EventType | undefined {
  for (const type in FIELDS) if (type === name) return type as EventType;
  return undefined;
}

/** The names of the fields that an event of a type may have. */
export function fieldsOf(type: EventType): ReadonlySet<Field> {
  return FIELDS[type];
}

/**
 * Refuses names that are none of the type's, unless they come from Object.prototype.
 *
 * @throws {ValidationError} `invalid_event`
 */
export function checkNames(type: EventType, event: AnyEvent): void {
  const fields: ReadonlySet<string> = FIELDS[type];
  for (const name in event) if (!fields.has(name) && !isForeign(event, name)) refuseField(type, name);
}

/** Inherits from Object.prototype and has nothing of its own. */
const BARE = {};

/**
 * The object itself, unless somebody has put a field of events on Object.prototype: then what it has without that.
 * In its own form so that V8 proves once that the answer is no, and track() pays nothing for it.
 */
export function withoutForeign<Given>(given: Given): Given {
  const isExtended =
    'userId' in BARE ||
    'anonymousId' in BARE ||
    'context' in BARE ||
    'integrations' in BARE ||
    'timestamp' in BARE ||
    'messageId' in BARE ||
    'event' in BARE ||
    'properties' in BARE ||
    'traits' in BARE ||
    'name' in BARE ||
    'category' in BARE ||
    'groupId' in BARE ||
    'previousId' in BARE;
  if (!isExtended || typeof given !== 'object' || given === null || Array.isArray(given)) return given;
  return plainFields(given, ALL);
}

/**
 * A copy of an event to fill in, with the fields of its class as well. It is still to be checked.
 *
 * @throws {ValidationError} `invalid_event`, for a name that is none of the type's, which the copy wouldn't have.
 */
export function copyFields(type: EventType, given: AnyEvent): { -readonly [Name in Field]?: AnyEvent[Name] } {
  const event = withoutForeign(given);
  if (Object.getPrototypeOf(event) === Object.prototype) {
    // No class: the fastest way. An object of this form is checked and written five times faster than one that is
    // spread together.
    const form = { userId: undefined, anonymousId: undefined, context: undefined, integrations: undefined };
    return Object.assign(form, event);
  }
  checkNames(type, event);
  const copy: Record<string, unknown> = {
    userId: event.userId,
    anonymousId: event.anonymousId,
    context: event.context,
    integrations: event.integrations,
    timestamp: event.timestamp,
    messageId: event.messageId,
  };
  for (const name of MORE[type]) {
    const value = event[name];
    if (value !== undefined) copy[name] = value;
  }
  return withoutForeign(copy);
}

function refuseField(type: EventType, name: string): never {
  const hint = suggest(name, FIELDS[type], OTHER_FIELDS);
  const where = type === 'identify' || type === 'group' ? 'traits' : 'properties';
  const advice = hint || (type === 'alias' ? '' : `; fields of your own go into ${where}`);
  throw new ValidationError('invalid_event', `${type}() has no field ${show(name)}${advice}`);
}
