// The types of what is recorded and counted.

import type { Fault, ReceivedEvent } from '@offthread/tracking-api';
import type { PlainBehaviour } from '../faults/behaviour.js';

/**
 * How a request ended. `open`: it hasn't ended. `answered`: the whole reply was sent. `broken`: this server ended the
 * connection. `abandoned`: the client disconnected before it had the whole reply.
 */
export type RequestState = 'open' | 'answered' | 'broken' | 'abandoned';

/** A request as this server received it. */
export interface RequestRecord {
  /** From 1, in the order in which the requests were recorded. */
  sequence: number;
  method: string;
  path: string;
  headers: Record<string, string | string[] | undefined>;
  /** From the `authorization` header, or otherwise from the body; `null` if neither has one. */
  writeKey: string | null;
  /** Number of the TCP connection of the request, from 1. */
  connection: number;
  /** When the headers had arrived, in ISO 8601. */
  receivedAt: string;
  /** The same time in ms since the server's thread started, by a monotonic clock. */
  receivedMs: number;
  /** From the headers to the end of the reply, in ms; `null` while it is open. */
  durationMs: number | null;
  /** Bytes of the body as received. */
  bodyBytes: number;
  /** Bytes of the uncompressed body. `null` if it wasn't read or couldn't be decompressed. */
  plainBytes: number | null;
  /** The `sentAt` of the body. */
  sentAt: string | null;
  /** Number of events in the body, even if the request was refused. */
  eventCount: number;
  /** The messageIds of the events that have one. Empty unless `record` is `all` or `ids`. */
  messageIds: string[];
  /** The events. Empty unless `record` is `all`. */
  events: ReceivedEvent[];
  /** What the server did. */
  behaviour: PlainBehaviour['type'];
  /** Status of the reply. `null` if no complete status line and headers were sent. */
  status: number | null;
  /** Whether its events count as received. */
  accepted: boolean;
  /** Why the Tracking API would refuse the request; `null` if it wouldn't. */
  refusal: string | null;
  /** Faults of its events, whether or not they caused the request to be refused. */
  faults: Fault[];
  state: RequestState;
}

/** Counters since the start or the last reset. */
export interface Counts {
  /** Requests recorded: `accepted + refused`. */
  requests: number;
  /** Requests whose events were received. */
  accepted: number;
  refused: number;
  /** Events received. An event that was received twice counts twice. */
  events: number;
  /** Events of the requests that were not accepted. */
  refusedEvents: number;
  /** Events received with a messageId that the same write key had sent before. */
  duplicates: number;
  /** Requests by status, or by behaviour if there was no reply. */
  statuses: Record<string, number>;
  /**
   * Most requests that were open at the same time, by write key. If you need this, give the server a latency of a few
   * ms: requests that are answered at once hardly ever overlap. A request with its write key in the body is counted
   * under ''.
   */
  maxConcurrentByWriteKey: Record<string, number>;
  /** TCP connections open now. */
  connections: number;
  maxConnections: number;
  /** Most events in one request. */
  biggestBatch: number;
  /** Most bytes in one body, uncompressed. */
  biggestBody: number;
  /** Requests that were dropped from the record to stay within the limits. */
  forgotten: number;
}
