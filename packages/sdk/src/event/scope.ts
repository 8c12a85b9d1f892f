// What calls inherit from the code around them, across awaits and timers. Used by event-acceptor.ts and analytics.ts.
import { AsyncLocalStorage } from 'node:async_hooks';
import { show, ValidationError } from '../errors.js';
import { asJson, merge } from '../input/fields.js';
import { OTHER_FIELDS } from '../input/other-names.js';
import { isPromise } from '../input/promises.js';
import { suggest } from '../input/suggest.js';
import type { Callback } from '../report/bound-callback.js';
import {
  type AliasEvent,
  type AnyEvent,
  type AnyEvents,
  type CommonFields,
  checkIds,
  checkObject,
  copyFields,
  type EventMap,
  type EventType,
  type GroupEvent,
  type Id,
  type IdentifyEvent,
  type NamedEvent,
  type PageEvent,
  type ScreenEvent,
  withoutForeign,
} from './event.js';

/** Who did it, as far as it is known. */
export interface Ids {
  readonly userId?: Id | null | undefined;
  readonly anonymousId?: Id | null | undefined;
}

/** What events can inherit. `undefined` leaves a field as it is further out, `null` takes it away. */
export interface ScopeFields extends Ids {
  readonly context?: object | null | undefined;
  readonly integrations?: object | null | undefined;
}

/** The fields, or a function that is asked for them at each event and answers at once. */
export type ScopeSource = ScopeFields | (() => ScopeFields | null | undefined);

/** An event that need not say who did it. What is `null` is left out, whatever it could inherit. */
export type ScopedEvent<Event> = Event extends unknown ? Omit<Event, keyof Ids> & Ids : never;

/** The same of `track()`, with the names and properties of a map. */
export type ScopedTrackEvent<Events extends EventMap<Events> = AnyEvents> = CommonFields &
  Ids &
  NamedEvent<Events>;

/**
 * The six methods of a client for code that is called within `withContext()`, where an event need not say who did it.
 * Every `Analytics` is one, and so is `request.analytics` of the Fastify plugin. At run time there is no difference: an
 * event that nobody did throws a `ValidationError`.
 */
export type ScopedAnalytics<Events extends EventMap<Events> = AnyEvents> = ScopedCalls & {
  track(event: ScopedTrackEvent<Events>, callback?: Callback): boolean;
};

// Methods, so that a client, which demands more, is one of these.
interface ScopedCalls {
  identify(event: ScopedEvent<IdentifyEvent>, callback?: Callback): boolean;
  page(event: ScopedEvent<PageEvent>, callback?: Callback): boolean;
  screen(event: ScopedEvent<ScreenEvent>, callback?: Callback): boolean;
  group(event: ScopedEvent<GroupEvent>, callback?: Callback): boolean;
  alias(event: Omit<AliasEvent, 'userId'> & Pick<Ids, 'userId'>, callback?: Callback): boolean;
}

/** The scopes of one client. */
export class Scope {
  readonly #storage = new AsyncLocalStorage<ScopeSource>();

  /**
   * Calls `run` with the argument; what it calls, and what that starts, inherits the fields, and those of the scope
   * around it.
   *
   * @throws {ValidationError} `invalid_event`, and whatever `run` throws.
   */
  run<T, A>(given: ScopeSource, run: (argument: A) => T, argument: A): T {
    if (typeof run !== 'function') {
      throw new ValidationError('invalid_event', 'withContext() takes a function behind its fields', run);
    }
    const source = typeof given === 'function' ? given : checked(given);
    const outer = this.#storage.getStore();
    return this.#storage.run(outer === undefined ? source : within(outer, source), run, argument);
  }

  /** The event with what it inherits. Its own fields win. */
  fill(type: EventType, event: AnyEvent): AnyEvent {
    const source = this.#storage.getStore();
    // What is no object is refused by the check that follows.
    if (source === undefined || typeof event !== 'object' || event === null || Array.isArray(event))
      return event;
    const filled = copyFields(type, event);
    const { anonymousId } = filled;
    Object.assign(filled, both(read(source), filled));
    // Of an alias only who it is now: the other id is its own.
    if (type === 'alias') filled.anonymousId = anonymousId;
    return filled;
  }
}

/** A scope in a scope. Known at once, where both are; otherwise found out when it is needed. */
function within(outer: ScopeSource, inner: ScopeSource): ScopeSource {
  // Entered once more, as a request is where Fastify comes back to it.
  if (outer === inner) return inner;
  if (typeof outer === 'function' || typeof inner === 'function') return () => both(read(outer), read(inner));
  return both(outer, inner);
}

function both(outer: ScopeFields, inner: ScopeFields): ScopeFields {
  return {
    userId: inner.userId === undefined ? outer.userId : inner.userId,
    anonymousId: inner.anonymousId === undefined ? outer.anonymousId : inner.anonymousId,
    context: mergeFields('context', outer.context, inner.context),
    integrations: mergeFields('integrations', outer.integrations, inner.integrations),
  };
}

/** Key by key; nothing is merged further in. What is no object is left to the check. */
function mergeFields(name: string, outer: Fields, inner: Fields): Fields {
  if (inner === undefined) return outer;
  if (outer == null || typeof inner !== 'object' || inner === null || Array.isArray(inner)) return inner;
  return merge(name, outer, inner);
}

type Fields = object | null | undefined;

function read(source: ScopeSource): ScopeFields {
  if (typeof source !== 'function') return source;
  const fields: unknown = source() ?? {};
  if (isPromise(fields)) {
    throw new ValidationError('invalid_event', 'withContext() needs fields at once; got a Promise');
  }
  if (typeof fields === 'object') return withoutForeign(fields as ScopeFields);
  throw new ValidationError('invalid_event', 'withContext() takes an object of fields', fields);
}

const FIELDS = ['userId', 'anonymousId', 'context', 'integrations'];

/** A copy: who changes the object later changes nothing. */
function checked(fields: ScopeFields): ScopeFields {
  const where = 'withContext';
  if (typeof fields !== 'object' || fields === null || Array.isArray(fields)) {
    throw new ValidationError('invalid_event', `${where}() takes an object of fields`, fields);
  }
  for (const name of Object.keys(fields)) {
    if (FIELDS.includes(name)) continue;
    throw new ValidationError(
      'invalid_event',
      `${where}() has no field ${show(name)}${suggest(name, FIELDS, OTHER_FIELDS)}`,
    );
  }
  const { userId, anonymousId, context, integrations } = withoutForeign(fields);
  checkIds(where, userId, anonymousId);
  checkObject(where, 'context', context);
  checkObject(where, 'integrations', integrations);
  return {
    userId,
    anonymousId,
    context: context && { ...asJson('context', context) },
    integrations: integrations && { ...asJson('integrations', integrations) },
  };
}
