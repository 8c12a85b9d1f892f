// The methods of `request.analytics`, which add ids and context of the request to events. Next: ../analytics.ts.
import type { Analytics } from '../analytics.js';
import { ValidationError } from '../errors.js';
import type { AnyEvents, EventMap, EventType, Id } from '../event/event.js';
import { copyFields } from '../event/event-fields.js';
import type { Callback, Ids, RequestAnalytics, ScopedEvent, ScopedTrackEvent } from '../event/methods.js';
import { checkObject, requireFields } from '../event/validate.js';
import { merge } from '../input/fields.js';
import type { EventSource } from './request-source.js';

export type { RequestAnalytics } from '../event/methods.js';

/** An event that doesn't need an id. A field that is `null` is left out, even if the request has a value for it. */
export type RequestEvent<Event> = ScopedEvent<Event>;

/** A `track()` event that doesn't need an id, with the names and properties of an event map. */
export type RequestTrackEvent<Events extends EventMap<Events> = AnyEvents> = ScopedTrackEvent<Events>;

/** The fields that a request can fill in. */
interface Filled {
  userId: Id | null | undefined;
  anonymousId: Id | null | undefined;
  context: object | null | undefined;
}

/** Creates the methods for one request. */
export function requestAnalytics<Events extends EventMap<Events>>(
  client: Analytics<Events>,
  source: EventSource,
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

/** @throws {ValidationError} if the event is invalid. Doesn't throw anything else. */
function complete(type: EventType, event: object, source: EventSource): AnyEvents {
  requireFields(type, event);
  try {
    const filled = copyFields(type, event) as Filled;
    checkObject(type, 'context', filled.context);
    if (filled.context !== null) filled.context = contextWith(filled.context, source);
    fillIds(type, filled, source);
    requireId(type, filled, source);
    return filled;
  } catch (error) {
    if (error instanceof ValidationError) throw error;
    return unreadable(error);
  }
}

function contextWith(given: object | undefined, { context }: EventSource): object {
  return given === undefined ? context : merge('context', context, given);
}

function fillIds(type: EventType, filled: Filled, source: EventSource): void {
  if (filled.userId !== undefined && filled.anonymousId !== undefined) return;
  const { userId, anonymousId } = source.ids;
  if (filled.userId === undefined) filled.userId = userId;
  // An alias inherits only `userId`.
  if (filled.anonymousId === undefined && type !== 'alias') filled.anonymousId = anonymousId;
}

function requireId(type: EventType, { userId, anonymousId }: Ids, { identifies }: EventSource): void {
  if (userId != null || (type !== 'alias' && anonymousId != null)) return;
  const [expected, got] = type === 'alias' ? ['a userId', 'none'] : ['a userId or an anonymousId', 'neither'];
  const more = identifies ? `identify returned ${got}` : "there is no option 'identify'";
  throw new ValidationError('invalid_event', `${type}() needs ${expected}; got ${got}, and ${more}`);
}

/**
 * A placeholder for an event that can't be read, because a getter in it or a function of the user's throws. It throws
 * the same error when the client reads it, so the client refuses and reports it like any other such event.
 */
function unreadable(cause: unknown): AnyEvents {
  const event = {
    get userId(): never {
      throw cause;
    },
  };
  return Object.setPrototypeOf(event, null);
}
