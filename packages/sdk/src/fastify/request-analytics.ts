// A call on a request -> the event with what the request says of who and where. Next: ../analytics.ts.
import type { FastifyRequest } from 'fastify';
import type { Analytics } from '../analytics.js';
import { ValidationError } from '../errors.js';
import {
  type AliasEvent,
  checkObject,
  type EventType,
  type GroupEvent,
  type Id,
  type IdentifyEvent,
  type Identity,
  type PageEvent,
  requireFields,
  type ScreenEvent,
  type TrackEvent,
} from '../event.js';
import type { Callback } from '../ledger.js';
import { contextOf } from './context.js';

/** What of a request only the user of the plugin can read. */
export interface RequestReaders {
  /**
   * Who makes the request; nothing, where that is not known. Asked at each event, because a login may come between two,
   * and answers at once: what takes a query is found out by a hook. What it throws is reported to `onError`.
   */
  readonly identify?: ((request: FastifyRequest) => Identity | null | undefined) | undefined;
  /** What else goes into `context`. Its fields win. Asked at the first event of a request. */
  readonly context?: ((request: FastifyRequest) => object | null | undefined) | undefined;
}

/** An event that need not say who did it. What is `null` is left out, whatever the request says. */
export type RequestEvent<Event> = Omit<Event, keyof Ids> & Ids;

interface Ids {
  readonly userId?: Id | null | undefined;
  readonly anonymousId?: Id | null | undefined;
}

/** Fields that a request can fill in. */
interface Fields extends Ids {
  readonly context?: object | null | undefined;
}

/** Turns ids into those that the event needs, or throws a `ValidationError`. */
type Demand<Who> = (type: EventType, ids: Ids) => Who;

/**
 * The six methods of a client, on a request: what it says of itself goes into the `context` of each event, and what
 * `identify` says of it into `userId` and `anonymousId`. Fields of the call win.
 */
export class RequestAnalytics {
  readonly #client: Analytics;
  readonly #request: FastifyRequest;
  readonly #readers: RequestReaders;
  #read: object | undefined;

  constructor(client: Analytics, request: FastifyRequest, readers: RequestReaders) {
    this.#client = client;
    this.#request = request;
    this.#readers = readers;
  }

  /** Ties the user to what is known about them. */
  identify(event: RequestEvent<IdentifyEvent> = {}, callback?: Callback): boolean {
    return this.#client.identify(this.#complete('identify', event, anyId), callback);
  }

  /** Records what the user did. */
  track(event: RequestEvent<TrackEvent>, callback?: Callback): boolean {
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

  /** @throws {ValidationError} where it is clear that there is no such event; never anything else. */
  #complete<Event extends Fields, Who extends Ids>(
    type: EventType,
    event: Event,
    demand: Demand<Who>,
  ): Event & Who & { context: object | null } {
    requireFields(type, event);
    try {
      checkObject(type, 'context', event.context);
      return { ...event, ...demand(type, this.#ids(event)), context: this.#context(event.context) };
    } catch (error) {
      if (error instanceof ValidationError) throw error;
      return unreadable(error);
    }
  }

  #ids({ userId, anonymousId }: Ids): Ids {
    if (userId !== undefined && anonymousId !== undefined) return { userId, anonymousId };
    const known = this.#readers.identify?.(this.#request);
    if (known instanceof Promise) {
      known.catch(() => {});
      throw new ValidationError('invalid_event', 'identify must return ids at once; got a Promise');
    }
    return {
      userId: userId === undefined ? known?.userId : userId,
      anonymousId: anonymousId === undefined ? known?.anonymousId : anonymousId,
    };
  }

  #context(given: object | null | undefined): object | null {
    if (given === null) return null;
    this.#read ??= { ...contextOf(this.#request), ...this.#readers.context?.(this.#request) };
    return given === undefined ? this.#read : { ...this.#read, ...given };
  }
}

function anyId(type: EventType, { userId, anonymousId }: Ids): Identity {
  if (userId != null) return { userId, anonymousId };
  if (anonymousId != null) return { userId, anonymousId };
  const expected = `${type}() needs a userId or an anonymousId`;
  throw new ValidationError('invalid_event', `${expected}; got neither, nor did identify return one`);
}

function userIdOnly(type: EventType, { userId }: Ids): { userId: Id } {
  if (userId != null) return { userId };
  throw new ValidationError(
    'invalid_event',
    `${type}() needs a userId; got none, nor did identify return one`,
  );
}

/**
 * Stands in for an event that cannot be read, because a getter in it or a function of the user's throws. It throws the
 * same once more where the client reads it, who refuses it and reports that as it does with any such event.
 */
function unreadable(cause: unknown) {
  return Object.create(null, {
    userId: {
      enumerable: true,
      get() {
        throw cause;
      },
    },
  });
}
