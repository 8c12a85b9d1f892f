// The messages of the live page's stream, as one union for both sides.

import type { Recording } from '../api/options.js';
import type { Counts, RequestRecord } from '../api/request-record.js';
import type { PlannedBehaviour } from '../faults/behaviour-plan.js';

/** A request in the page's list. The page requests headers, body and reply when it is opened. */
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
  /**
   * The JSON text of each event exactly as it was sent, because parsing would round large numbers. Write keys are
   * masked.
   */
  events: string[];
}

/** How a request ended. */
type LiveEnd = Pick<RequestRecord, 'sequence' | 'durationMs' | 'state'>;

/** The counters, without those by write key, and the behaviours to come. */
export interface LiveStatus extends PlannedBehaviour {
  /** Whether any fault in an event causes its request to be refused. */
  strict: boolean;
  counts: Omit<Counts, 'maxConcurrentByWriteKey'>;
}

/**
 * A message of the stream. On `hello` and `reset` the page discards its lists. Sequence numbers mean the same requests as
 * long as `run` is the same.
 */
export type LiveMessage =
  | { type: 'hello'; run: string; url: string; now: number; record: Recording; kept: number }
  | { type: 'request'; request: LiveRequest }
  | { type: 'ended'; end: LiveEnd }
  | { type: 'status'; status: LiveStatus }
  | { type: 'reset'; run: string };
