// Outcomes -> counts. Used by client.ts and flush.ts.
import type { ErrorCode } from './errors.js';

type Counts = Partial<Record<ErrorCode, number>>;

/** Counts since the client was made: `accepted = delivered + failed + dropped + pending`. */
export interface Stats {
  /** Events taken over: the calls that returned true. */
  readonly accepted: number;
  /** Events the API took, by a 2xx. */
  readonly delivered: number;
  /** Events given up after a try or more. */
  readonly failed: number;
  /** Events taken over and given up untried, by code. */
  readonly dropped: Readonly<Counts>;
  /** Events not taken over, by code: the calls that returned false. Not part of `accepted`. */
  readonly refused: Readonly<Counts>;
  /** Events taken over and not settled. */
  readonly pending: number;
  /** Requests that repeated an earlier one. */
  readonly retries: number;
  /** Requests sent. */
  readonly requests: number;
  /** Bytes of request bodies sent, before compression. */
  readonly bytes: number;
}

/** What became of events so far. */
export class Tally {
  readonly #dropped: Counts = {};
  readonly #refused: Counts = {};
  #delivered = 0;
  #failed = 0;

  get delivered(): number {
    return this.#delivered;
  }

  get failed(): number {
    return this.#failed;
  }

  get dropped(): Counts {
    return { ...this.#dropped };
  }

  get refused(): Counts {
    return { ...this.#refused };
  }

  /** Events failed or dropped. */
  get lost(): number {
    let lost = this.#failed;
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

  drop(code: ErrorCode, count: number): void {
    this.#dropped[code] = (this.#dropped[code] ?? 0) + count;
  }

  refuse(code: ErrorCode): void {
    this.#refused[code] = (this.#refused[code] ?? 0) + 1;
  }
}
