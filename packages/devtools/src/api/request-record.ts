// The shapes of what is recorded and counted.

import type { Fault, ReceivedEvent } from '@offthread/tracking-api';
import type { PlainBehaviour } from '../faults/behaviour.js';

/**
 * How a request ended. `open`: not yet. `answered`: the reply was sent whole. `broken`: this server broke the
 * connection. `abandoned`: the client left before it had the whole reply.
 */
export type RequestState = 'open' | 'answered' | 'broken' | 'abandoned';

/** One request as this server saw it. */
export interface RequestRecord {
  /** From 1, in the order in which it was decided what becomes of the requests. */
  sequence: number;
  method: string;
  path: string;
  headers: Record<string, string | string[] | undefined>;
  /** From the `authorization` header, or else from the body; `null` when neither has one. */
  writeKey: string | null;
  /** Number of the TCP connection it came on, from 1. */
  connection: number;
  /** ISO 8601 time at which the headers had arrived. */
  receivedAt: string;
  /** The same moment on a clock that never steps, in ms since the server's thread began. */
  receivedMs: number;
  /** From the headers to the end of the reply, in ms; `null` while it is open. */
  durationMs: number | null;
  /** Bytes of the body as received. */
  bodyBytes: number;
  /** Bytes of the body uncompressed; `null` when it was never read or could not be unpacked. */
  plainBytes: number | null;
  /** The `sentAt` of the body. */
  sentAt: string | null;
  /** Number of events in the body, also of one that was refused. */
  eventCount: number;
  /** Their messageIds, of those that have one. Empty unless `record` is `all` or `ids`. */
  messageIds: string[];
  /** The events. Empty unless `record` is `all`. */
  events: ReceivedEvent[];
  /** What the server did. */
  behaviour: PlainBehaviour['type'];
  /** Status of the reply; `null` when no whole status line and headers were sent. */
  status: number | null;
  /** Whether its events count as received. */
  accepted: boolean;
  /** Why the Tracking API would refuse the request; `null` when it would not. */
  refusal: string | null;
  /** What is wrong with its events, by their position, refused or not. */
  faults: Fault[];
  state: RequestState;
}

/** Counters since the start or the last reset. */
export interface Counts {
  /** Requests that are decided; `accepted + refused`. */
  requests: number;
  /** Requests whose events were received. */
  accepted: number;
  refused: number;
  /** Events received, each as often as it was received. */
  events: number;
  /** Events received with a messageId that the same write key had sent before. */
  duplicates: number;
  /** Requests by status, or by behaviour where there was no reply. */
  statuses: Record<string, number>;
  /**
   * Most requests that were out at the same moment, by write key. Give the server a latency of some ms where this
   * matters: requests that are answered as fast as they come hardly ever overlap here.
   */
  maxConcurrentByWriteKey: Record<string, number>;
  /** TCP connections open now. */
  connections: number;
  maxConnections: number;
  /** Most events in one request. */
  biggestBatch: number;
  /** Most bytes in one body, uncompressed. */
  biggestBody: number;
  /** Requests that were recorded and let go again to stay within the bounds. */
  forgotten: number;
}
