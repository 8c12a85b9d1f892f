// Counts the outcomes of a client's events, for `stats()`. Used by client.ts, flush.ts and the reporters.
import type { ErrorCode } from '../errors.js';
import type { SpoolStats } from '../spool/spool-stats.js';

type Counts = Partial<Record<ErrorCode, number>>;

/**
 * `'live'`: events are sent. `'stub'`: the worker thread does everything except the requests. `'disabled'`: there is no
 * worker thread. `'test'`: a client of `createTestAnalytics()`, which records events.
 */
export type Mode = 'live' | 'stub' | 'disabled' | 'test';

/** Counts since the client was created. `accepted = delivered + failed + dropped + left + pending`. */
export interface Stats {
  /**
   * `'live'`, or `'stub'` or `'disabled'` if set, whose events count as delivered but aren't sent. `'test'` for a test
   * client.
   */
  readonly mode: Mode;
  /** Calls that returned true. */
  readonly accepted: number;
  /** Events that the API accepted with a 2xx. */
  readonly delivered: number;
  /** Events given up after at least one request. */
  readonly failed: number;
  /**
   * Accepted events that were given up without a request, by code. `before_send` counts those that you dropped
   * yourself.
   */
  readonly dropped: Readonly<Counts>;
  /** Refused events, by code: calls that returned false. Not part of `accepted`. */
  readonly refused: Readonly<Counts>;
  /** Events on disk when the client ended, which the next process sends. 0 without a spool. */
  readonly left: number;
  /** Accepted events that aren't settled. */
  readonly pending: number;
  /** Requests that were retries. */
  readonly retries: number;
  /** Requests sent. */
  readonly requests: number;
  /** Bytes of request bodies sent, before compression. */
  readonly bytes: number;
  /** Undefined without a spool. */
  readonly spool?: SpoolStats | undefined;
}

/** The counts of one client. */
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

  /** Events dropped at the call. They count as accepted, but were never pending. */
  get droppedAtCall(): number {
    return this.#droppedAtCall;
  }

  /** Failed and dropped events, except those that `beforeSend` dropped on purpose. */
  get lost(): number {
    let lost = this.#failed - (this.#dropped.before_send ?? 0);
    for (const count of Object.values(this.#dropped)) lost += count;
    return lost;
  }

  /** Events dropped because the worker thread couldn't be started or crashed. */
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
