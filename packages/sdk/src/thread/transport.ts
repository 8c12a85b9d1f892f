// The interface between a client and what sends its events: worker-transport.ts, or testing/recording-transport.ts in
// tests. Outcomes go to outcome-reporter.ts. Types only.
import type { Outcome, Retry, SpoolReport } from '@offthread/worker/protocol';
import type { Wait } from '../flush/wait.js';
import type { PendingEvents } from '../pending/pending-events.js';
import type { Settings } from '../settings/settings.js';
import type { ClientSpool } from '../spool/client-spool.js';

/** The requests for the oldest pending events. */
export interface LastAttempt {
  /** Number of requests started for them. */
  readonly attempts: number;
  /** HTTP status of the last reply, if there was one. */
  readonly status: number | undefined;
  /** Why the last finished request failed. */
  readonly cause: Error | undefined;
}

/** Sends a client's pending events, and reports to the client how they ended. */
export interface Transport {
  /** Why no event can be accepted at present, if that is known. */
  readonly failure: Error | undefined;
  readonly requestCounts: { readonly requests: number; readonly retries: number; readonly bytes: number };
  /** Where events are stored until they are sent. Undefined without a spool. */
  readonly spool: ClientSpool | undefined;
  /** Undefined if no requests are made. */
  readonly lastAttempt: LastAttempt | undefined;
  /** Called after an event was added to the pending ones. Never throws. */
  scheduleSend(): void;
  /** Starts sending all pending events, because a caller waits for them. */
  requestFlush(): void;
  /** Has outcomes of the events up to `through` reported without a further call. */
  expect(through: number): void;
  /** Reports the events known to be delivered. No user code runs before the calling code has ended. */
  catchUp(): void;
  /** Stores all pending events on disk. Returns the id that `onStored` receives. Does nothing without a spool. */
  requestStore(): number;
  /** Blocks until `wait` is done or its deadline has passed. Returns whether it is done. Reports outcomes meanwhile. */
  block(wait: Wait): boolean;
  /** Whether nothing can be sent before `deadline`. */
  isHeldPast(deadline: number): boolean;
  /** Stops sending, because the client has ended. Never rejects. */
  release(): Promise<void>;
}

/** What a transport reports to. */
export interface TransportListener {
  onOutcome(outcome: Outcome): void;
  /** Like `onOutcome`, but callbacks are called only when the running code has ended. */
  note(outcome: Outcome): void;
  /** A request failed, and its batch will be sent again. */
  onPostponed(retry: Retry): void;
  /** A batch is sent again. */
  onRetried(retry: Retry): void;
  /** From now on, `Retry-After` delays all requests of the client. */
  onRetryAfter(): void;
  /** The spool has a problem, or events of earlier processes were given up. */
  onSpoolReport(report: SpoolReport): void;
  /** Events of earlier processes were delivered. */
  onRecovered(count: number): void;
  /** A `requestStore()` and all earlier ones have finished, successfully or not. */
  onStored(id: number): void;
  /** No thread can be started at present. The start will be repeated. */
  onStartDelayed(error: Error): void;
  /** No thread can be started, so no pending event will be sent, nor one that is in the spool, if there is one. */
  onUnavailable(error: Error, hasSpool: boolean): void;
  /** Several threads in a row crashed on the events up to `through`. */
  onRepeatedCrash(through: number): void;
}

/** Creates the transport of a client. */
export type CreateTransport = (
  pendingEvents: PendingEvents,
  settings: Settings,
  listener: TransportListener,
) => Transport;
