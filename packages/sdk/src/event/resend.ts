// Events an error handed over -> events to be accepted once more. Used by client.ts. Next: encode.ts.
import { type SentEvent, ValidationError } from '../errors.js';
import { field } from '../input/fields.js';
import { type AnyEvent, check, type EventType, eventType, withoutForeign } from './event.js';

/** A sent event, taken apart. */
export interface ResentEvent {
  readonly type: EventType;
  readonly event: AnyEvent;
  /** Its `context.library`, of the client that accepted it first. */
  readonly library: unknown;
}

/**
 * Checks all events, each by the rules of its `type`, before the first is returned.
 *
 * @throws {ValidationError} `invalid_event`, with the place of the event in the list.
 */
export function readSentEvents(events: readonly SentEvent[]): ResentEvent[] {
  if (!Array.isArray(events)) {
    const expected = 'resend() takes a list of events as AnalyticsError.events has them';
    throw new ValidationError('invalid_event', expected, events);
  }
  return Array.from(events, (sent: unknown, index) => {
    try {
      return readSentEvent(sent);
    } catch (error) {
      // A getter of the caller's, or a Proxy.
      const reason = error instanceof ValidationError ? error.message : 'The event cannot be read';
      throw new ValidationError('invalid_event', `resend(), events[${index}]: ${reason}`);
    }
  });
}

function readSentEvent(sent: unknown): ResentEvent {
  if (!isObject(sent)) throw new ValidationError('invalid_event', 'An event is an object of fields', sent);
  const { type: name, ...given } = sent;
  const event: AnyEvent = withoutForeign(given);
  const type = eventType(name);
  if (type === undefined) {
    throw new ValidationError(
      'invalid_event',
      "An event needs as type 'track', 'identify' or the like",
      name,
    );
  }
  check(type, event);
  const { context } = sent;
  return { type, event, library: (isObject(context) ? field(context, 'library') : undefined) ?? undefined };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
