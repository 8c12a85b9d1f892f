// The messages of the live page's stream: one union for both sides.

import type { Recording } from '../api/options.js';
import type { Counts, RequestRecord } from '../api/request-record.js';
import type { PlannedBehaviour } from '../faults/behaviour-plan.js';

/** A request as the page lists it. Its headers, body and reply are asked for when it is opened. */
export interface LiveRequest
  extends Pick<
    RequestRecord,
    | 'sequence'
    | 'method'
    | 'path'
    | 'receivedAt'
    | 'durationMs'
    | 'bodyBytes'
    | 'plainBytes'
    | 'sentAt'
    | 'eventCount'
    | 'behaviour'
    | 'status'
    | 'accepted'
    | 'refusal'
    | 'faults'
    | 'state'
  > {
  /** `X-Retry-Count`: 0 at the first attempt. */
  retries: number;
  /** The JSON text of each event, digit by digit as it was sent: parsing would round its large numbers. A write key is masked. */
  events: string[];
}

/** How a request ended. */
type LiveEnd = Pick<RequestRecord, 'sequence' | 'durationMs' | 'state'>;

/** The counters, without those by write key, and the behaviours to come. */
export interface LiveStatus extends PlannedBehaviour {
  /** Whether a request is refused for any fault of its events. */
  strict: boolean;
  counts: Omit<Counts, 'maxConcurrentByWriteKey'>;
}

/** One message of the stream; the page forgets what it knew at a `hello` and at a `reset`. */
export type LiveMessage =
  | { type: 'hello'; url: string; now: number; record: Recording; kept: number }
  | { type: 'request'; request: LiveRequest }
  | { type: 'ended'; end: LiveEnd }
  | { type: 'status'; status: LiveStatus }
  | { type: 'reset' };
