// In: how many lines are settled, now and then. Out: whether the API has been silent for long. Next: commands/import.ts says so.

/** Milliseconds. Much shorter than the time a request is given, and longer than any API takes that is well. */
const SILENT_MS = 5_000;

/** Time is an argument: milliseconds on a clock that never steps. */
export class Silence {
  #settled = 0;
  #since: number;
  #isTold = false;

  constructor(now: number) {
    this.#since = now;
  }

  /** Whether it is time to say that nothing has come back: once for each silence. */
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
