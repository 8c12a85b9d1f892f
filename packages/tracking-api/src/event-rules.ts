// The rules of the Tracking API for events. Doesn't use Node.js, so that a web page can import it.
export { EVENT_TYPES, type EventType, isObject, type ReceivedEvent } from './event.js';
export { type Fault, type FaultCode, faultOf } from './fault.js';
export { MAX_BATCH_EVENTS, MAX_EVENT_BYTES, MAX_MESSAGE_ID_LENGTH, MAX_REQUEST_BYTES } from './limits.js';
