// A barrier behind all that is accepted -> what happened until it was reached. Used by client.ts.
import { now } from './clock.js';
import type { Ledger } from './ledger.js';
import type { Tally } from './tally.js';

/** How a flush went. */
export interface FlushResult {
  /**
   * `'ok'`: everything accepted before the flush is settled. `'timeout'`: time ran out, or it was certain that it
   * would. `'worker-dead'`: events were dropped because the worker thread could not be kept alive.
   */
  readonly status: 'ok' | 'timeout' | 'worker-dead';
  /** Events the API took during this flush. */
  readonly delivered: number;
  /** Events that failed or were dropped during this flush; `onError` has them. */
  readonly failed: number;
  /** Events accepted before the flush that are not settled. */
  readonly pending: number;
  /** Milliseconds it took. */
  readonly elapsedMs: number;
}

/** One flush, from the call on. */
export class Flush {
  /** When time is over, by our clock. */
  readonly deadline: number;
  readonly #start = now();
  readonly #ledger: Ledger;
  readonly #tally: Tally;
  readonly #barrier: number;
  readonly #before: { readonly delivered: number; readonly lost: number; readonly lostToWorker: number };

  /** @param timeout milliseconds. */
  constructor(ledger: Ledger, tally: Tally, timeout: number) {
    this.deadline = this.#start + timeout;
    this.#ledger = ledger;
    this.#tally = tally;
    this.#barrier = ledger.accepted;
    this.#before = { delivered: tally.delivered, lost: tally.lost, lostToWorker: tally.lostToWorker };
  }

  /** Whether all that was accepted before is settled. */
  get done(): boolean {
    return this.#ledger.settled >= this.#barrier;
  }

  get result(): FlushResult {
    const { delivered, lost, lostToWorker } = this.#tally;
    return {
      status: lostToWorker > this.#before.lostToWorker ? 'worker-dead' : this.done ? 'ok' : 'timeout',
      delivered: delivered - this.#before.delivered,
      failed: lost - this.#before.lost,
      pending: Math.max(0, this.#barrier - this.#ledger.settled),
      elapsedMs: now() - this.#start,
    };
  }
}
