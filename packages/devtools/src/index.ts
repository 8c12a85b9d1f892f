// The public API of the package. Next: api/start.ts.

export type { EventType, Fault, FaultCode, ReceivedEvent } from '@offthread/tracking-api';
export {
  MAX_BATCH_EVENTS,
  MAX_EVENT_BYTES,
  MAX_MESSAGE_ID_LENGTH,
  MAX_REQUEST_BYTES,
} from '@offthread/tracking-api';
export { createTrackingApi } from './api/create.js';
export type { Recording, TrackingApiOptions } from './api/options.js';
export type { Counts, RequestRecord, RequestState } from './api/request-record.js';
export type { TrackingApiServer } from './api/server.js';
export { type StartOptions, startTrackingApi, TrackingApi } from './api/start.js';
export { type Goal, RemoteControl } from './control/remote-control.js';
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
} from './faults/behaviour.js';
export { type Arrival, type Warning, type WarningCode, warningsOf } from './live/event-warnings.js';
