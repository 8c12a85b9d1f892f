// A call on a request -> the event with what the request says of who and where. Next: ../analytics.ts.
import type { Analytics } from '../analytics.js';
import { ValidationError } from '../errors.js';
import type { AnyEvents, EventMap, EventType, Id } from '../event/event.js';
import { copyFields } from '../event/event-fields.js';
import type { Callback, Ids, RequestAnalytics, ScopedEvent, ScopedTrackEvent } from '../event/methods.js';
import { checkObject, requireFields } from '../event/validate.js';
import { merge } from '../input/fields.js';
import type { RequestSource } from './request-source.js';

export type { RequestAnalytics } from '../event/methods.js';

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

/** The methods of one request. */
export function requestAnalytics<Events extends EventMap<Events>>(
  client: Analytics<Events>,
  source: RequestSource,
): RequestAnalytics<Events> {
  const method = (type: EventType) => (event: AnyEvents, callback?: Callback) =>
    client[type](complete(type, event, source), callback);
  const identify = method('identify');
  const page = method('page');
  return {
    identify: (event = {}, callback) => identify(event, callback),
    track: method('track'),
    page: (event = {}, callback) => page(event, callback),
    screen: method('screen'),
    group: method('group'),
    alias: method('alias'),
  };
}

/** @throws {ValidationError} where that is no event; never anything else. */
function complete(type: EventType, event: object, source: RequestSource): AnyEvents {
  requireFields(type, event);
  try {
    const filled = copyFields(type, event) as Filled;
    checkObject(type, 'context', filled.context);
    if (filled.context !== null) filled.context = contextWith(filled.context, source);
    fillIds(type, filled, source);
    demandId(type, filled);
    return filled;
  } catch (error) {
    if (error instanceof ValidationError) throw error;
    return unreadable(error);
  }
}

function contextWith(given: object | undefined, { context }: RequestSource): object {
  return given === undefined ? context : merge('context', context, given);
}

function fillIds(type: EventType, filled: Filled, source: RequestSource): void {
  if (filled.userId !== undefined && filled.anonymousId !== undefined) return;
  const { userId, anonymousId } = source.ids;
  if (filled.userId === undefined) filled.userId = userId;
  // The ids of an alias are its own.
  if (filled.anonymousId === undefined && type !== 'alias') filled.anonymousId = anonymousId;
}

function demandId(type: EventType, { userId, anonymousId }: Ids): void {
  if (userId != null || (type !== 'alias' && anonymousId != null)) return;
  const [expected, got] = type === 'alias' ? ['a userId', 'none'] : ['a userId or an anonymousId', 'neither'];
  throw new ValidationError(
    'invalid_event',
    `${type}() needs ${expected}; got ${got}, nor did identify return one`,
  );
}

/**
 * Stands in for an event that cannot be read, because a getter in it or a function of the user's throws. It throws the
 * same once more where the client reads it, who refuses it and reports that as it does with any such event.
 */
function unreadable(cause: unknown): AnyEvents {
  const event = {
    get userId(): never {
      throw cause;
    },
  };
  return Object.setPrototypeOf(event, null);
}
