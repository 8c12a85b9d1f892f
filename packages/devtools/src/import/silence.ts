// Notices that the API hasn't answered for a while.

/** Milliseconds: far below the timeout of a request, and longer than a healthy API takes. */
const SILENT_MS = 5_000;

/** Detects a silence. Callers pass the time in milliseconds, from a monotonic clock. */
export class Silence {
  #settled = 0;
  #since: number;
  #isTold = false;

  constructor(now: number) {
    this.#since = now;
  }

  /** Returns true once for each silence. */
  update(settled: number, isWaiting: boolean, now: number): boolean {
    if (settled !== this.#settled || !isWaiting) {
      this.#settled = settled;
      this.#since = now;
      this.#isTold = false;
    }
    if (this.#isTold || now - this.#since < SILENT_MS) return false;
    this.#isTold = true;
    return true;
  }
}
