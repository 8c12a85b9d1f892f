// In: nothing. Out: the public names of @offthread/devtools. Next: start.ts.
export type {
  Answer,
  Behaviour,
  Drip,
  Drop,
  Garbage,
  GzipBomb,
  Hang,
  Huge,
  Match,
  Ok,
  PlainBehaviour,
  Redirect,
  Rule,
  ScriptItem,
  Sometimes,
  StallUpload,
  Truncate,
} from './behaviour.js';
export { createTrackingApi } from './create.js';
export type { EventType, ReceivedEvent } from './event-rules.js';
export { MAX_BATCH_EVENTS, MAX_EVENT_BYTES, MAX_MESSAGE_ID_LENGTH, MAX_REQUEST_BYTES } from './limits.js';
export type { Recording, TrackingApiOptions } from './options.js';
export type { Counts, RequestRecord, RequestState } from './record.js';
export { type Goal, RemoteControl } from './remote.js';
export type { TrackingApiServer } from './server.js';
export { type StartOptions, startTrackingApi, TrackingApi } from './start.js';
export { type Arrival, type Warning, type WarningCode, warningsOf } from './warnings.js';
