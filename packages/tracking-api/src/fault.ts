// Finds faults of events. The API answers 200 to most of them, and drops the event later.
import { EVENT_TYPES, isObject } from './event.js';
import { MAX_EVENT_BYTES, MAX_MESSAGE_ID_LENGTH } from './limits.js';

/** The faults of an event, or of a batch as a whole. */
export type FaultCode =
  | 'not_an_object'
  | 'no_type'
  | 'unknown_type'
  | 'bad_message_id'
  | 'no_user'
  | 'no_event_name'
  | 'no_group_id'
  | 'no_previous_id'
  | 'event_too_large'
  | 'no_batch'
  | 'empty_batch'
  | 'too_many_events';

/** A fault of a request that is valid JSON. */
export interface Fault {
  code: FaultCode;
  /** The position of the event in its request; `null` for a fault of the batch. */
  index: number | null;
  /** For an event, a phrase like `has neither userId nor anonymousId`; for a batch, a sentence. */
  message: string;
}

/** Returns the fault of an event, or `undefined` if it has none. `bytes` is the length of its JSON text. */
export function faultOf(event: unknown, bytes: number): Omit<Fault, 'index'> | undefined {
  if (bytes > MAX_EVENT_BYTES) {
    return fault('event_too_large', `is ${bytes} bytes, over the limit of ${MAX_EVENT_BYTES}`);
  }
  if (!isObject(event)) return fault('not_an_object', 'is not an object');
  const { type, messageId } = event;
  if (type === undefined) return fault('no_type', 'has no type');
  if (!EVENT_TYPES.some((known) => known === type)) return fault('unknown_type', 'has an unknown type');
  if (messageId !== undefined && messageId !== null) {
    if (typeof messageId !== 'string') return fault('bad_message_id', 'has a messageId that is not a string');
    const { length } = messageId;
    if (length > MAX_MESSAGE_ID_LENGTH) {
      return fault(
        'bad_message_id',
        `has a messageId of ${length} characters, over ${MAX_MESSAGE_ID_LENGTH}`,
      );
    }
  }
  if (type === 'alias') {
    if (!isId(event['previousId'])) return fault('no_previous_id', 'is an alias without previousId');
    return isId(event['userId']) ? undefined : fault('no_user', 'is an alias without userId');
  }
  if (!isId(event['userId']) && !isId(event['anonymousId'])) {
    return fault('no_user', 'has neither userId nor anonymousId');
  }
  if (type === 'track' && !isText(event['event'])) return fault('no_event_name', 'is a track without event');
  if (type === 'group' && !isId(event['groupId'])) return fault('no_group_id', 'is a group without groupId');
  return undefined;
}

function fault(code: FaultCode, message: string): Omit<Fault, 'index'> {
  return { code, message };
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value !== '';
}

/** The API accepts a number as an id and stores it as text. */
function isId(value: unknown): boolean {
  return isText(value) || typeof value === 'number';
}
