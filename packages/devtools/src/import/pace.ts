// In: how many events a second are allowed. Out: when the next one may go. Next: importer.ts.

/** Milliseconds for which it is not worth to wait: timers are no finer than that. */
const SLACK_MS = 5;

/** Milliseconds of delay that are made up for: what a busy event loop costs, and no burst after a pause. */
const MADE_UP_MS = 100;

/** Spaces events evenly. Time is an argument: milliseconds on a clock that never steps. */
export class Pace {
  readonly #interval: number;
  #due: number | undefined;

  /** @param rate events a second; `undefined` for no limit. */
  constructor(rate: number | undefined) {
    this.#interval = rate === undefined ? 0 : 1_000 / rate;
  }

  /** Milliseconds to wait before the next event; 0 takes its turn. */
  wait(now: number): number {
    if (this.#interval === 0) return 0;
    this.#due = Math.max(this.#due ?? now, now - MADE_UP_MS);
    if (this.#due - now > SLACK_MS) return this.#due - now;
    this.#due += this.#interval;
    return 0;
  }
}
