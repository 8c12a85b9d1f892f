// In: one parsed event. Out: why the Tracking API refuses it, if it does. Next: parsed.ts.
import { MAX_MESSAGE_ID_LENGTH } from './api/limits.js';

/** The six kinds of event, each also the name of a route: `/v1/track` and so on. */
export const EVENT_TYPES = ['track', 'identify', 'page', 'screen', 'group', 'alias'] as const;

/** One of the six kinds of event. */
export type EventType = (typeof EVENT_TYPES)[number];

/** An event as it arrived. Unknown fields are kept; a single-event route adds the `type`. */
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

/** A JSON object, and neither an array nor null. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What is wrong with an event, as a phrase to follow its place in the batch; `undefined` when nothing is. */
export function faultOf(event: unknown): string | undefined {
  if (!isObject(event)) return 'is not an object';
  const { type, messageId } = event;
  if (type === undefined) return 'has no type';
  if (!EVENT_TYPES.some((known) => known === type)) return 'has an unknown type';
  if (messageId !== undefined && messageId !== null) {
    if (typeof messageId !== 'string') return 'has a messageId that is not a string';
    if (messageId.length > MAX_MESSAGE_ID_LENGTH) {
      return `has a messageId of ${messageId.length} characters, over ${MAX_MESSAGE_ID_LENGTH}`;
    }
  }
  if (type === 'alias') {
    if (!isId(event['previousId'])) return 'is an alias without previousId';
    return isId(event['userId']) ? undefined : 'is an alias without userId';
  }
  if (!isId(event['userId']) && !isId(event['anonymousId'])) return 'has neither userId nor anonymousId';
  if (type === 'track' && !isText(event['event'])) return 'is a track without event';
  if (type === 'group' && !isId(event['groupId'])) return 'is a group without groupId';
  return undefined;
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value !== '';
}

/** The API takes a number for an id and keeps it as text. */
function isId(value: unknown): boolean {
  return isText(value) || typeof value === 'number';
}
