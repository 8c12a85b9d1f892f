// An event as it arrives, and the six types of event.

/** The six types of event. Each is also the name of a path: `/v1/track` and so on. */
export const EVENT_TYPES = ['track', 'identify', 'page', 'screen', 'group', 'alias'] as const;

/** One of the six types of event. */
export type EventType = (typeof EVENT_TYPES)[number];

/** An event as it was received. It is known to be an object, but its fields aren't checked. Unknown fields are kept. */
export interface ReceivedEvent {
  type: EventType;
  messageId?: string;
  userId?: string | number;
  anonymousId?: string | number;
  event?: string;
  name?: string;
  category?: string;
  groupId?: string | number;
  previousId?: string | number;
  timestamp?: string;
  properties?: Record<string, unknown>;
  traits?: Record<string, unknown>;
  context?: Record<string, unknown>;
  integrations?: Record<string, unknown>;
  [field: string]: unknown;
}

/** Whether a value is a JSON object, not an array or null. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
