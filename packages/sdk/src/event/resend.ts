// Validates the events of an error for `resend()`. Used by event-acceptor.ts. Next: encode.ts.
import { type SentEvent, ValidationError } from '../errors.js';
import { field } from '../input/fields.js';
import type { AnyEvent, EventType } from './event.js';
import { eventType, withoutForeign } from './event-fields.js';
import { check } from './validate.js';

/** An event to send again. */
export interface ResentEvent {
  readonly type: EventType;
  readonly event: AnyEvent;
  /** The event's `context.library`, which was set by the client that first accepted it. */
  readonly library: unknown;
}

/**
 * Validates all events, each by the rules of its `type`.
 *
 * @throws {ValidationError} `invalid_event`, with the index of the first invalid event.
 */
export function readSentEvents(events: readonly SentEvent[]): ResentEvent[] {
  if (!Array.isArray(events)) {
    const expected = 'resend() takes an array of events, like AnalyticsError.events';
    throw new ValidationError('invalid_event', expected, events);
  }
  return Array.from(events, (sent: unknown, index) => {
    try {
      return readSentEvent(sent);
    } catch (error) {
      // Anything else was thrown by a getter or a Proxy.
      const reason = error instanceof ValidationError ? error.message : 'The event cannot be read';
      throw new ValidationError('invalid_event', `resend(), events[${index}]: ${reason}`);
    }
  });
}

function readSentEvent(sent: unknown): ResentEvent {
  if (!isObject(sent))
    throw new ValidationError('invalid_event', 'An event must be an object of fields', sent);
  const { type: name, ...given } = sent;
  const event: AnyEvent = withoutForeign(given);
  const type = eventType(name);
  if (type === undefined) {
    throw new ValidationError(
      'invalid_event',
      "type must be 'identify', 'track', 'page', 'screen', 'group' or 'alias'",
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
