// Limits the events per second.

/** Waits below this many milliseconds are skipped, because timers aren't more exact. */
const SLACK_MS = 5;

/** Most milliseconds of delay to catch up on: a busy event loop, but no burst after a pause. */
const MADE_UP_MS = 100;

/** Spaces events evenly. Callers pass the time in milliseconds, from a monotonic clock. */
export class Pace {
  readonly #interval: number;
  #due: number | undefined;

  /** @param rate events per second; `undefined` for no limit. */
  constructor(rate: number | undefined) {
    this.#interval = rate === undefined ? 0 : 1_000 / rate;
  }

  /** Milliseconds to wait before the next event. If it returns 0, that event is counted as sent. */
  wait(now: number): number {
    if (this.#interval === 0) return 0;
    this.#due = Math.max(this.#due ?? now, now - MADE_UP_MS);
    if (this.#due - now > SLACK_MS) return this.#due - now;
    this.#due += this.#interval;
    return 0;
  }
}
