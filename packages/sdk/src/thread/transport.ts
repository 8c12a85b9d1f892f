// What client.ts needs of whatever takes its events away: worker-transport.ts, or in tests testing/recording-transport.ts. No code, only names.
import type { Outcome, Retry, SpoolReport } from '@offthread/worker/protocol';
import type { Wait } from '../flush/wait.js';
import type { PendingEvents } from '../pending/pending-events.js';
import type { Settings } from '../settings/settings.js';
import type { ClientSpool } from '../spool/client-spool.js';

/** What came of the oldest events that are pending. */
export interface LastAttempt {
  /** Requests begun for them. */
  readonly attempts: number;
  /** HTTP status of the last reply, if there was one. */
  readonly status: number | undefined;
  /** What became of the last request that has ended. */
  readonly cause: Error | undefined;
}

/** Sends a client's pending events, and reports to the client how they ended. */
export interface Transport {
  /** Why no event can be taken over at present, where that is known. */
  readonly failure: Error | undefined;
  readonly requestCounts: { readonly requests: number; readonly retries: number; readonly bytes: number };
  /** Where events are kept until they are sent, if they are. */
  readonly spool: ClientSpool | undefined;
  /** Undefined if no requests are made. */
  readonly lastAttempt: LastAttempt | undefined;
  /** There is one more pending event. Never throws. */
  scheduleSend(): void;
  /** Somebody waits for all pending events. */
  requestFlush(): void;
  /** What becomes of the events up to `through` is to be told without being asked. */
  expect(through: number): void;
  /** Has the client take note of what is known to be delivered. No code of the user's runs before the code that calls ends. */
  catchUp(): void;
  /** Somebody waits until all pending events are on the disk: gives what `onStored` is told. Without a spool it does nothing. */
  requestStore(): number;
  /** Blocks until it is done, which it returns, or until time is over. Outcomes come meanwhile. */
  block(wait: Wait): boolean;
  /** Whether it is certain that nothing will happen before `deadline`. */
  isHeldPast(deadline: number): boolean;
  /** The client is gone: nothing of it is sent any more. Never rejects. */
  release(): Promise<void>;
}

/** What a transport reports to. */
export interface TransportListener {
  onOutcome(outcome: Outcome): void;
  /** As `receive`, but those concerned are told when the code that is running ends. */
  note(outcome: Outcome): void;
  /** A request failed, and its batch is to be sent once more. */
  onPostponed(retry: Retry): void;
  /** A batch is sent once more. */
  onRetried(retry: Retry): void;
  /** `Retry-After` holds the client from now on. */
  onRetryAfter(): void;
  /** The spool has trouble, or events of earlier processes are given up. */
  onSpoolReport(report: SpoolReport): void;
  /** Events of earlier processes were delivered. */
  onRecovered(count: number): void;
  /** A `requestStore()`, and all before it, are over, however they went. */
  onStored(id: number): void;
  /** No thread can be started at present; it is tried again. */
  onStartDelayed(error: Error): void;
  /** No thread can be started: nothing that is pending will be sent. */
  onUnavailable(error: Error): void;
  /** Threads died of the events up to `through`, one after the other. */
  onRepeatedCrash(through: number): void;
}

/** Makes the transport of a client. */
export type CreateTransport = (
  pendingEvents: PendingEvents,
  settings: Settings,
  listener: TransportListener,
) => Transport;
