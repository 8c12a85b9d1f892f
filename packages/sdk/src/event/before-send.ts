// Runs the `beforeSend` functions of a client on validated events. Used by event-acceptor.ts.
import { show, ValidationError } from '../errors.js';
import { plainFields } from '../input/fields.js';
import { isPromise } from '../input/promises.js';
import type { AnyEvent, EventType, Id } from './event.js';
import { fieldsOf, withoutForeign } from './event-fields.js';
import { plainCopy } from './snapshot.js';
import { check, isoTime } from './validate.js';

/**
 * The event that `beforeSend` receives: a copy of the event passed to the call. You may change it at any depth. Values
 * inside its objects have the form in which they are sent, for example dates and decimals as strings, except that
 * bigints are still bigints.
 */
export interface OutgoingEvent {
  readonly type: EventType;
  userId?: Id | null | undefined;
  anonymousId?: Id | null | undefined;
  /** `alias` only. */
  previousId?: Id | null | undefined;
  /** `group` only. */
  groupId?: Id | null | undefined;
  /** `track` only. */
  event?: string | null | undefined;
  /** `page` and `screen` only. */
  name?: string | null | undefined;
  category?: string | null | undefined;
  traits?: Record<string, unknown> | null | undefined;
  properties?: Record<string, unknown> | null | undefined;
  /** Without `library`, which is added when the event is sent. */
  context?: Record<string, unknown> | null | undefined;
  integrations?: Record<string, unknown> | null | undefined;
  /** ISO 8601 UTC. Only if the call has one. */
  timestamp?: AnyEvent['timestamp'];
  /** Only if the call has one. */
  messageId?: Id | null | undefined;
}

/** Returns the event to send, which may be another object, or null to drop it. Must be synchronous. */
export type BeforeSend = (event: OutgoingEvent) => OutgoingEvent | null;

/** The event to send, or why it is dropped. */
export type BeforeSendResult = { readonly event: AnyEvent; readonly code: undefined } | Dropped;

/** Why an event is dropped. */
export interface Dropped {
  /** `before_send`: a function returned null. `before_send_failed`: it threw, or returned no valid event. */
  readonly code: 'before_send' | 'before_send_failed';
  readonly message: string;
  readonly cause?: unknown;
}

/** The `beforeSend` functions of one client. */
export class BeforeSendChain {
  readonly #functions: readonly BeforeSend[];
  #running = false;

  constructor(functions: readonly BeforeSend[]) {
    this.#functions = functions;
  }

  /**
   * Passes a validated event through all functions in order.
   *
   * @throws what a getter or a `toJSON` of the event throws, and if the event has a cycle.
   */
  apply(type: EventType, given: AnyEvent): BeforeSendResult {
    // Otherwise a function that tracks would be called again for that event, without end.
    if (this.#running) return failed('beforeSend must not track events with the client that calls it');
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
      return failed(`beforeSend returned an invalid event: ${reason}`, cause);
    }
    return { event: fields, code: undefined };
  }
}

/** Says what is wrong with the result of a function, if it isn't an event of the same type. */
function mistakeIn(type: EventType, returned: unknown): string | undefined {
  const expected = 'beforeSend must return the event, or null to drop it';
  if (isPromise(returned)) return `${expected}, synchronously; it returned a Promise`;
  if (typeof returned !== 'object' || returned === null || Array.isArray(returned)) {
    return `${expected}; it returned ${show(returned)}`;
  }
  const became = 'type' in returned ? returned.type : undefined;
  if (became === type || became === undefined) return undefined;
  return `beforeSend must not change the type of an event; '${type}' became ${show(became)}`;
}

/** The result for an event that is dropped because of a mistake in one of the functions. */
export function failed(message: string, cause?: unknown): Dropped {
  return { code: 'before_send_failed', message, cause };
}

/** The copy that the functions may change. */
function copy(type: EventType, event: AnyEvent): OutgoingEvent {
  const copied: Record<string, unknown> = { type };
  for (const name of fieldsOf(type)) {
    const value = event[name];
    // Ids are copied as they are: a `toJSON` on BigInt.prototype would turn a bigint into text.
    if (value != null) copied[name] = typeof value === 'object' ? plainCopy(name, value) : value;
  }
  if (event.timestamp != null) copied['timestamp'] = isoTime(type, event.timestamp);
  return copied as unknown as OutgoingEvent;
}

/**
 * Checks the setting `beforeSend`.
 *
 * @throws {ValidationError} `invalid_setting`, if it isn't a function or a list of functions.
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
