// The shapes of what is recorded and counted.

import type { Fault, ReceivedEvent } from '@offthread/tracking-api';
import type { PlainBehaviour } from '../faults/behaviour.js';

/**
 * How a request ended. `open`: it has not. `answered`: the whole reply was sent. `broken`: this server broke the
 * connection. `abandoned`: the client left before it had the whole reply.
 */
export type RequestState = 'open' | 'answered' | 'broken' | 'abandoned';

/** One request as this server saw it. */
export interface RequestRecord {
  /** From 1, in the order in which the requests were recorded. */
  sequence: number;
  method: string;
  path: string;
  headers: Record<string, string | string[] | undefined>;
  /** From the `authorization` header, or else from the body; `null` when neither has one. */
  writeKey: string | null;
  /** Number of the TCP connection it came on, from 1. */
  connection: number;
  /** When the headers had arrived, in ISO 8601. */
  receivedAt: string;
  /** The same moment in ms since the server's thread started, by a clock that is never adjusted. */
  receivedMs: number;
  /** From the headers to the end of the reply, in ms; `null` while it is open. */
  durationMs: number | null;
  /** Bytes of the body as received. */
  bodyBytes: number;
  /** Bytes of the uncompressed body. `null` if it was not read or could not be unpacked. */
  plainBytes: number | null;
  /** The `sentAt` of the body. */
  sentAt: string | null;
  /** Number of events in the body, also if the request was refused. */
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
  /** Why the Tracking API would refuse the request; `null` when it would not. */
  refusal: string | null;
  /** What is wrong with its events, whether or not the request was refused for it. */
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
  /** Events received. One that came twice counts twice. */
  events: number;
  /** Events of the requests that were not accepted. */
  refusedEvents: number;
  /** Events received with a messageId that the same write key had sent before. */
  duplicates: number;
  /** Requests by status, or by behaviour if there was no reply. */
  statuses: Record<string, number>;
  /**
   * Most requests that were open at the same time, by write key. If this matters, give the server a latency of a few ms:
   * requests that are answered at once hardly ever overlap. A request whose write key is in its body counts for ''.
   */
  maxConcurrentByWriteKey: Record<string, number>;
  /** TCP connections open now. */
  connections: number;
  maxConnections: number;
  /** Most events in one request. */
  biggestBatch: number;
  /** Most bytes in one body, uncompressed. */
  biggestBody: number;
  /** Requests that were dropped from the record to stay within the bounds. */
  forgotten: number;
}
