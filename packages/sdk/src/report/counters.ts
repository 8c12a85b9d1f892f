// Outcomes -> counts. Used by client.ts and flush.ts.
import type { ErrorCode } from '../errors.js';
import type { SpoolStats } from '../spool/spool-stats.js';

type Counts = Partial<Record<ErrorCode, number>>;

/**
 * `'live'`: events are sent. `'stub'`: the worker thread does all but the requests. `'disabled'`: there is no worker
 * thread. `'test'`: a client of `createTestAnalytics()`, which records them.
 */
export type Mode = 'live' | 'stub' | 'disabled' | 'test';

/** Counts since the client was made: `accepted = delivered + failed + dropped + left + pending`. */
export interface Stats {
  /**
   * `'live'`, or what is set instead: `'stub'` or `'disabled'`, whose events count as delivered and are not sent. Of a
   * client for tests: `'test'`.
   */
  readonly mode: Mode;
  /** The calls that returned true. */
  readonly accepted: number;
  /** Events the API took, by a 2xx. */
  readonly delivered: number;
  /** Events given up after a try or more. */
  readonly failed: number;
  /** Events accepted and given up untried, by code; `before_send` is what you did not want sent. */
  readonly dropped: Readonly<Counts>;
  /** Events not taken over, by code: the calls that returned false. Not part of `accepted`. */
  readonly refused: Readonly<Counts>;
  /** Events on the disk when the client ended, which the next process sends. 0 without a spool. */
  readonly left: number;
  /** Events taken over and not settled. */
  readonly pending: number;
  /** Requests that repeated an earlier one. */
  readonly retries: number;
  /** Requests sent. */
  readonly requests: number;
  /** Bytes of request bodies sent, before compression. */
  readonly bytes: number;
  /** Undefined without a spool. */
  readonly spool?: SpoolStats | undefined;
}

/** What became of events so far. */
export class Counters {
  readonly #dropped: Counts = {};
  readonly #refused: Counts = {};
  #delivered = 0;
  #failed = 0;
  #left = 0;
  #droppedAtCall = 0;

  get delivered(): number {
    return this.#delivered;
  }

  get failed(): number {
    return this.#failed;
  }

  get left(): number {
    return this.#left;
  }

  get dropped(): Counts {
    return { ...this.#dropped };
  }

  get refused(): Counts {
    return { ...this.#refused };
  }

  /** Events dropped at the call: accepted, and never pending. */
  get droppedAtCall(): number {
    return this.#droppedAtCall;
  }

  /** Events failed or dropped, but for those the user wanted dropped. */
  get lost(): number {
    let lost = this.#failed - (this.#dropped.before_send ?? 0);
    for (const count of Object.values(this.#dropped)) lost += count;
    return lost;
  }

  /** Events dropped for want of a worker thread that lives. */
  get lostToWorker(): number {
    return (this.#dropped.worker_unavailable ?? 0) + (this.#dropped.worker_crashed ?? 0);
  }

  deliver(count: number): void {
    this.#delivered += count;
  }

  fail(count: number): void {
    this.#failed += count;
  }

  leave(count: number): void {
    this.#left += count;
  }

  drop(code: ErrorCode, count: number): void {
    this.#dropped[code] = (this.#dropped[code] ?? 0) + count;
  }

  dropAtCall(code: ErrorCode): void {
    this.drop(code, 1);
    this.#droppedAtCall++;
  }

  refuse(code: ErrorCode): void {
    this.#refused[code] = (this.#refused[code] ?? 0) + 1;
  }
}
