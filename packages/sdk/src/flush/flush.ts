// One flush: waits until all events accepted before it are settled, and computes its result. Used by client.ts.

import type { PendingEvents } from '../pending/pending-events.js';
import type { Counters } from '../report/counters.js';
import { now } from '../runtime/clock.js';
import type { Wait } from './wait.js';

/** How a flush went. */
export interface FlushResult {
  /**
   * `'ok'`: all events accepted before the flush are settled. `'timeout'`: time ran out, or was certain to run out.
   * `'worker-dead'`: events were dropped because the worker thread ended again and again, or it can't be started.
   */
  readonly status: 'ok' | 'timeout' | 'worker-dead';
  /** Events that the API accepted during this flush. */
  readonly delivered: number;
  /** Events that failed or were dropped during this flush. They were reported to `onError`. */
  readonly failed: number;
  /** Events accepted before the flush that are not settled yet. */
  readonly pending: number;
  /** Duration of the flush in milliseconds. */
  readonly elapsedMs: number;
}

/** How long a flush waits, in milliseconds. */
export interface FlushTimeout {
  readonly timeout: number;
  /** Whether the time is counted from the last event that settled, instead of from the call. */
  readonly isRenewed: boolean;
}

/** One flush. It starts when it is constructed. */
export class Flush implements Wait {
  readonly #start = now();
  readonly #timeout: FlushTimeout;
  /** When an event before the barrier last settled, and how many had settled by then. */
  #lastSettled = this.#start;
  #settled: number;
  readonly #pendingEvents: PendingEvents;
  readonly #counters: Counters;
  readonly #transport: { readonly failure: Error | undefined };
  readonly #barrier: number;
  readonly #before: { readonly delivered: number; readonly lost: number; readonly lostToWorker: number };

  /** @param transport its `failure` is set if no worker thread can be started. */
  constructor(
    pendingEvents: PendingEvents,
    counters: Counters,
    transport: { readonly failure: Error | undefined },
    flushTimeout: FlushTimeout,
  ) {
    this.#transport = transport;
    this.#timeout = flushTimeout;
    this.#pendingEvents = pendingEvents;
    this.#settled = pendingEvents.settled;
    this.#counters = counters;
    this.#barrier = pendingEvents.accepted;
    this.#before = {
      delivered: counters.delivered,
      lost: counters.lost,
      lostToWorker: counters.lostToWorker,
    };
  }

  /** Whether all events accepted before the flush are settled. */
  get done(): boolean {
    return this.#pendingEvents.settled >= this.#barrier;
  }

  get deadline(): number {
    const { timeout, isRenewed } = this.#timeout;
    if (!isRenewed) return this.#start + timeout;
    const settled = Math.min(this.#pendingEvents.settled, this.#barrier);
    if (settled > this.#settled) [this.#settled, this.#lastSettled] = [settled, now()];
    return this.#lastSettled + timeout;
  }

  get result(): FlushResult {
    const { delivered, lost, lostToWorker } = this.#counters;
    const isDead = lostToWorker > this.#before.lostToWorker || this.#transport.failure !== undefined;
    return {
      status: isDead ? 'worker-dead' : this.done ? 'ok' : 'timeout',
      delivered: delivered - this.#before.delivered,
      failed: lost - this.#before.lost,
      pending: Math.max(0, this.#barrier - this.#pendingEvents.settled),
      elapsedMs: now() - this.#start,
    };
  }
}
