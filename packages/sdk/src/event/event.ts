// What the caller passes -> an event that is as the API wants it, or a ValidationError. Next: encode.ts.
import { MAX_MESSAGE_ID_LENGTH } from '@offthread/worker/limits';
import { show, ValidationError } from '../errors.js';
import { isForeign, plainFields } from '../input/fields.js';
import { OTHER_FIELDS } from '../input/other-names.js';
import { suggest } from '../input/suggest.js';
import { type Instant, readTimestamp } from './timestamp.js';

/** An id in your database. A number or bigint is sent as the string of its digits. */
export type Id = string | number | bigint;

/** What every event may have. `null` counts as absent, everywhere. */
export interface CommonFields {
  /** What is known about the circumstances: `ip`, `userAgent`, `page`, … `library` is added. */
  readonly context?: object | null | undefined;
  /**
   * Which destinations the event goes to, for example `{ All: false, Kissmetrics: true }`. Names are case sensitive.
   * Source: https://segment.com/docs/connections/spec/common/#integrations
   */
  readonly integrations?: object | null | undefined;
  /**
   * When it happened: a Date, an ISO 8601 string (without a zone it is UTC), milliseconds since 1970, or a point in time
   * of dayjs, Luxon, Moment or Temporal, in a year of four digits. Days that do not exist are refused. Sent as ISO 8601
   * UTC with milliseconds. For historical import. Default: now.
   */
  readonly timestamp?: Date | string | number | Instant | null | undefined;
  /** What the API deduplicates on, at most 100 characters. A number is sent as a string. Default: a unique one. */
  readonly messageId?: Id | null | undefined;
}

/** Who did it: at least one of the two. An empty string counts as absent if the other one is there. */
export type Identity =
  | { readonly userId: Id; readonly anonymousId?: Id | null | undefined }
  | { readonly userId?: Id | null | undefined; readonly anonymousId: Id }
  // Nothing that the first two do not take. But a compiler that looks for the member that was meant finds one of these by
  // the ids of an event, and blames the field that is missing; otherwise it would blame the other id.
  | { readonly userId?: null | undefined; readonly anonymousId: Id }
  | { readonly userId: Id; readonly anonymousId?: null | undefined };

/** Source: https://segment.com/docs/connections/spec/identify/ */
export type IdentifyEvent = CommonFields & Identity & { readonly traits?: object | null | undefined };

/** Source: https://segment.com/docs/connections/spec/track/ */
export type TrackEvent<Events extends EventMap<Events> = AnyEvents> = CommonFields &
  Identity &
  NamedEvent<Events>;

/** Names of events with the properties of each, as a type or an interface. */
export type EventMap<Events> = { readonly [Name in keyof Events]: object };

/**
 * Where no map is given: any name, any properties. Code that asks for an `Analytics` is so given one with a map as well,
 * and need not know of maps.
 */
// biome-ignore lint/suspicious/noExplicitAny: nothing else lets a client with a map stand for one without.
export type AnyEvents = any;

/** One of the names, with its properties. */
export type NamedEvent<Events extends EventMap<Events>> = {
  readonly [Name in keyof Events & string]: {
    /** What the user did, in words like `'Item Purchased'`. */
    readonly event: Name;
  } & PropertiesField<Events[Name]>;
}[keyof Events & string];

/** Required where one of the properties is. Any object where it is not known what they are. */
type PropertiesField<Properties> = unknown extends Properties
  ? { readonly properties?: object | null | undefined }
  : Partial<Properties> extends Properties
    ? { readonly properties?: Properties | null | undefined }
    : { readonly properties: Properties };

/** Source: https://segment.com/docs/connections/spec/page/ */
export type PageEvent = CommonFields &
  Identity &
  PageName & { readonly properties?: object | null | undefined };

type PageName =
  | { readonly name?: string | null | undefined; readonly category?: null | undefined }
  | {
      /** Required if there is a `category`. */
      readonly name: string;
      /** Is added to `properties`. */
      readonly category?: string | null | undefined;
    };

/** Source: https://segment.com/docs/connections/spec/screen/ */
export type ScreenEvent = CommonFields &
  Identity & {
    readonly properties?: object | null | undefined;
    readonly name?: string | null | undefined;
    readonly category?: string | null | undefined;
  };

/** Source: https://segment.com/docs/connections/spec/group/ */
export type GroupEvent = CommonFields &
  Identity & { readonly groupId: Id; readonly traits?: object | null | undefined };

/** Source: https://segment.com/docs/connections/spec/alias/ */
export type AliasEvent = CommonFields & { readonly userId: Id; readonly previousId: Id };

export type EventType = 'identify' | 'track' | 'page' | 'screen' | 'group' | 'alias';

/** Any event, as `check` sees it. */
export type AnyEvent = CommonFields & {
  readonly userId?: Id | null | undefined;
  readonly anonymousId?: Id | null | undefined;
  readonly previousId?: Id | null | undefined;
  readonly groupId?: Id | null | undefined;
  readonly event?: string | null | undefined;
  readonly name?: string | null | undefined;
  readonly category?: string | null | undefined;
  readonly traits?: object | null | undefined;
  readonly properties?: object | null | undefined;
};

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
 * Checks an event by the rules of its type.
 *
 * @throws {ValidationError} `invalid_event`, saying what was expected and what came.
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
          'page() needs a name where it has a category; got a category only',
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

/** Names that are none of the type's are refused, unless they come from Object.prototype. */
function checkNames(type: EventType, event: AnyEvent): void {
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

/** @throws {ValidationError} `invalid_event`, for what can have no fields. */
export function requireFields(type: EventType, event: unknown): void {
  if (typeof event === 'object' && event !== null && !Array.isArray(event)) return;
  throw new ValidationError('invalid_event', `${type}() takes an object of fields`, event);
}

/**
 * Checks what was passed behind an event.
 *
 * @throws {ValidationError} `invalid_event`, for anything but a function or nothing.
 */
export function checkCallback(type: EventType, callback: unknown): void {
  if (callback === undefined || typeof callback === 'function') return;
  throw new ValidationError('invalid_event', `${type}() takes a function as callback`, callback);
}

/**
 * The `timestamp` of an event as ISO 8601 UTC with milliseconds.
 *
 * @throws {ValidationError} `invalid_event`, for what isn't a point in time.
 */
export function isoTime(type: EventType, timestamp: Date | string | number | Instant): string {
  const time = readTimestamp(timestamp);
  if (typeof time !== 'string') return time.toISOString();
  const expected = `${type}() needs as timestamp a valid Date, an ISO 8601 string or milliseconds since 1970`;
  throw new ValidationError('invalid_event', `${expected}; got ${show(timestamp)}${time}`);
}

function refuseField(type: EventType, name: string): never {
  const hint = suggest(name, FIELDS[type], OTHER_FIELDS);
  const where = type === 'identify' || type === 'group' ? 'traits' : 'properties';
  const advice = hint || (type === 'alias' ? '' : `; fields of your own go into ${where}`);
  throw new ValidationError('invalid_event', `${type}() has no field ${show(name)}${advice}`);
}

/**
 * Checks the two ids, either of which may be absent.
 *
 * @throws {ValidationError} `invalid_event`, for what isn't an id. An empty string passes beside the other one.
 */
export function checkIds(caller: string, userId: unknown, anonymousId: unknown): void {
  if (userId != null && (userId !== '' || !anonymousId)) checkId(caller, 'userId', userId);
  if (anonymousId != null && (anonymousId !== '' || !userId)) checkId(caller, 'anonymousId', anonymousId);
}

/** @throws {ValidationError} `invalid_event`, for what is no id. `caller` is the method it was given to. */
function checkId(caller: string, name: string, value: unknown): void {
  if (typeof value === 'string' ? value !== '' : typeof value === 'bigint' || Number.isFinite(value)) return;
  const expected = `${caller}() needs as ${name} a non-empty string, a finite number or a bigint`;
  throw new ValidationError('invalid_event', expected, value);
}

function requireText(type: EventType, name: string, value: unknown): void {
  if (typeof value === 'string' && value !== '') return;
  throw new ValidationError('invalid_event', `${type}() needs as ${name} a non-empty string`, value);
}

/** @throws {ValidationError} `invalid_event`, for a field that is there and no object. */
export function checkObject(caller: string, name: string, value: unknown): void {
  if (value == null || (typeof value === 'object' && !Array.isArray(value))) return;
  throw new ValidationError('invalid_event', `${caller}() needs as ${name} an object`, value);
}

function checkMessageId(type: EventType, value: unknown): void {
  checkId(type, 'messageId', value);
  const { length } = String(value);
  if (length <= MAX_MESSAGE_ID_LENGTH) return;
  const expected = `${type}() needs as messageId at most ${MAX_MESSAGE_ID_LENGTH} characters; got ${length}`;
  throw new ValidationError('invalid_event', expected);
}
