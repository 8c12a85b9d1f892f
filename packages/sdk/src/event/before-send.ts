// A checked event -> the event as the user's own functions want it sent, or why it is not. Used by event-acceptor.ts.
import { show, ValidationError } from '../errors.js';
import { plainFields } from '../input/fields.js';
import { isPromise } from '../input/promises.js';
import { type AnyEvent, check, type EventType, fieldsOf, type Id, isoTime, withoutForeign } from './event.js';
import { plainCopy } from './snapshot.js';

/**
 * An event as `beforeSend` is given it: a copy of what the call brought, which may be changed at any depth. In its
 * objects everything is as it will be sent, dates and decimals as text, but for bigints, which are bigints still.
 */
export interface OutgoingEvent {
  readonly type: EventType;
  userId?: Id | null | undefined;
  anonymousId?: Id | null | undefined;
  /** Of an alias. */
  previousId?: Id | null | undefined;
  /** Of a group. */
  groupId?: Id | null | undefined;
  /** Of a track. */
  event?: string | null | undefined;
  /** Of a page or screen. */
  name?: string | null | undefined;
  category?: string | null | undefined;
  traits?: Record<string, unknown> | null | undefined;
  properties?: Record<string, unknown> | null | undefined;
  /** Without `library`, which is added when the event is sent. */
  context?: Record<string, unknown> | null | undefined;
  integrations?: Record<string, unknown> | null | undefined;
  /** Where the call has one: ISO 8601 UTC. */
  timestamp?: AnyEvent['timestamp'];
  /** Where the call has one. */
  messageId?: Id | null | undefined;
}

/** Returns the event, the same or another one, or null where it is not to be sent. Answers at once: no Promise. */
export type BeforeSend = (event: OutgoingEvent) => OutgoingEvent | null;

/** What came of an event. */
export type BeforeSendResult = { readonly event: AnyEvent; readonly code: undefined } | Dropped;

/** Why an event is not sent. */
export interface Dropped {
  /** A function returned null; or it threw, or returned what is no event. */
  readonly code: 'before_send' | 'before_send_failed';
  readonly message: string;
  readonly cause?: unknown;
}

/** The functions of one client. */
export class BeforeSendChain {
  readonly #functions: readonly BeforeSend[];
  #running = false;

  constructor(functions: readonly BeforeSend[]) {
    this.#functions = functions;
  }

  /**
   * Gives a checked event to one function after the other.
   *
   * @throws what a getter or a `toJSON` of the caller's throws, and for a cycle.
   */
  apply(type: EventType, given: AnyEvent): BeforeSendResult {
    // Otherwise a function that tracks would be called for what it tracks, and so on.
    if (this.#running) return failed('beforeSend must not track by the client that calls it');
    const event = copy(type, given);
    this.#running = true;
    try {
      return this.#run(type, event);
    } catch (cause) {
      return failed('beforeSend threw', cause);
    } finally {
      this.#running = false;
    }
  }

  #run(type: EventType, given: OutgoingEvent): BeforeSendResult {
    let event: unknown = given;
    for (const run of this.#functions) {
      event = run(event as OutgoingEvent);
      if (event === null) return { code: 'before_send', message: 'beforeSend returned null' };
      const mistake = mistakeIn(type, event);
      if (mistake !== undefined) return failed(mistake);
    }
    const { type: _, ...returned } = plainFields(event as OutgoingEvent, fieldsOf(type));
    const fields = withoutForeign(returned);
    try {
      check(type, fields);
    } catch (cause) {
      const reason = cause instanceof ValidationError ? cause.message : 'it cannot be read';
      return failed(`beforeSend returned what is no event: ${reason}`, cause);
    }
    return { event: fields, code: undefined };
  }
}

/** What every function has to return: an event of the type it was given. */
function mistakeIn(type: EventType, returned: unknown): string | undefined {
  const expected = 'beforeSend must return the event, or null to drop it';
  if (isPromise(returned)) return `${expected}, at once; it returned a Promise`;
  if (typeof returned !== 'object' || returned === null || Array.isArray(returned)) {
    return `${expected}; it returned ${show(returned)}`;
  }
  const became = 'type' in returned ? returned.type : undefined;
  if (became === type || became === undefined) return undefined;
  return `beforeSend must leave the type of an event as it is; '${type}' became ${show(became)}`;
}

/** An event that is dropped because a function of the user's is at fault. */
export function failed(message: string, cause?: unknown): Dropped {
  return { code: 'before_send_failed', message, cause };
}

/** What the functions may change. */
function copy(type: EventType, event: AnyEvent): OutgoingEvent {
  const copied: Record<string, unknown> = { type };
  for (const name of fieldsOf(type)) {
    const value = event[name];
    // JSON would make text or nothing of a bigint and a Date of its own.
    if (value != null) copied[name] = typeof value === 'object' ? plainCopy(name, value) : value;
  }
  if (event.timestamp != null) copied['timestamp'] = isoTime(type, event.timestamp);
  return copied as unknown as OutgoingEvent;
}

/**
 * Checks the setting.
 *
 * @throws {ValidationError} `invalid_setting`, for anything but a function or a list of functions.
 */
export function checkBeforeSend(value: unknown, name: string): readonly BeforeSend[] {
  const functions: unknown[] = Array.isArray(value) ? [...value] : [value];
  for (const run of functions) {
    if (typeof run === 'function') continue;
    const expected = `Setting '${name}' must be a function or a list of functions`;
    throw new ValidationError('invalid_setting', expected, run);
  }
  return functions as BeforeSend[];
}
