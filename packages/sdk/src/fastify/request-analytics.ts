// A call on a request -> the event with what the request says of who and where. Next: ../analytics.ts.
import type { Analytics } from '../analytics.js';
import { ValidationError } from '../errors.js';
import {
  type AliasEvent,
  type AnyEvents,
  checkObject,
  copyFields,
  type EventMap,
  type EventType,
  type GroupEvent,
  type Id,
  type IdentifyEvent,
  type Identity,
  type PageEvent,
  requireFields,
  type ScreenEvent,
} from '../event/event.js';
import type { Ids, ScopedEvent, ScopedTrackEvent } from '../event/scope.js';
import { merge } from '../input/fields.js';
import type { Callback } from '../report/bound-callback.js';
import type { RequestSource } from './request-source.js';

/** An event that need not say who did it. What is `null` is left out, whatever the request says. */
export type RequestEvent<Event> = ScopedEvent<Event>;

/** The same of `track()`, with the names and properties of a map. */
export type RequestTrackEvent<Events extends EventMap<Events> = AnyEvents> = ScopedTrackEvent<Events>;

/** What a request can fill in. */
interface Filled {
  userId: Id | null | undefined;
  anonymousId: Id | null | undefined;
  context: object | null | undefined;
}

/** Throws a `ValidationError` where the ids are not those that the event needs. */
type Demand<Who extends Ids> = (type: EventType, ids: Ids) => asserts ids is Who;

/**
 * The six methods of a client, on a request: what it says of itself goes into the `context` of each event, and what
 * `identify` says of it into `userId` and `anonymousId`. Fields of the call win.
 */
export class RequestAnalytics<Events extends EventMap<Events> = AnyEvents> {
  readonly #client: Analytics<Events>;
  readonly #source: RequestSource;

  constructor(client: Analytics<Events>, source: RequestSource) {
    this.#client = client;
    this.#source = source;
  }

  /** Ties the user to what is known about them. */
  identify(event: RequestEvent<IdentifyEvent> = {}, callback?: Callback): boolean {
    return this.#client.identify(this.#complete('identify', event, anyId), callback);
  }

  /** Records what the user did. */
  track(event: RequestTrackEvent<Events>, callback?: Callback): boolean {
    return this.#client.track(this.#complete('track', event, anyId), callback);
  }

  /** Records that the user saw a page. */
  page(event: RequestEvent<PageEvent> = {}, callback?: Callback): boolean {
    return this.#client.page(this.#complete('page', event, anyId), callback);
  }

  /** Records that the user saw a screen of an app. */
  screen(event: RequestEvent<ScreenEvent>, callback?: Callback): boolean {
    return this.#client.screen(this.#complete('screen', event, anyId), callback);
  }

  /** Ties the user to a group. */
  group(event: RequestEvent<GroupEvent>, callback?: Callback): boolean {
    return this.#client.group(this.#complete('group', event, anyId), callback);
  }

  /** Ties `previousId` to the user. */
  alias(event: Omit<AliasEvent, 'userId'> & Pick<Ids, 'userId'>, callback?: Callback): boolean {
    return this.#client.alias(this.#complete('alias', event, userIdOnly), callback);
  }

  /** @throws {ValidationError} where that is no event; never anything else. */
  #complete<Event extends object, Who extends Ids>(
    type: EventType,
    event: Event,
    demand: Demand<Who>,
  ): Event & Filled & Who {
    requireFields(type, event);
    try {
      const filled = copyFields(type, event) as Filled;
      const complete = filled as Event & Filled;
      checkObject(type, 'context', filled.context);
      if (filled.context !== null) filled.context = this.#contextWith(filled.context);
      this.#fillIds(type, filled);
      demand(type, complete);
      return complete;
    } catch (error) {
      if (error instanceof ValidationError) throw error;
      return unreadable(error);
    }
  }

  #contextWith(given: object | undefined): object {
    const { context } = this.#source;
    return given === undefined ? context : merge('context', context, given);
  }

  #fillIds(type: EventType, filled: Filled): void {
    if (filled.userId !== undefined && filled.anonymousId !== undefined) return;
    const { userId, anonymousId } = this.#source.ids;
    if (filled.userId === undefined) filled.userId = userId;
    // The ids of an alias are its own.
    if (filled.anonymousId === undefined && type !== 'alias') filled.anonymousId = anonymousId;
  }
}

function anyId(type: EventType, ids: Ids): asserts ids is Identity {
  if (ids.userId != null || ids.anonymousId != null) return;
  const expected = `${type}() needs a userId or an anonymousId`;
  throw new ValidationError('invalid_event', `${expected}; got neither, nor did identify return one`);
}

function userIdOnly(type: EventType, ids: Ids): asserts ids is { userId: Id } {
  if (ids.userId != null) return;
  const expected = `${type}() needs a userId`;
  throw new ValidationError('invalid_event', `${expected}; got none, nor did identify return one`);
}

/**
 * Stands in for an event that cannot be read, because a getter in it or a function of the user's throws. It throws the
 * same once more where the client reads it, who refuses it and reports that as it does with any such event.
 */
function unreadable(cause: unknown) {
  const event = {
    get userId(): never {
      throw cause;
    },
  };
  return Object.setPrototypeOf(event, null);
}
