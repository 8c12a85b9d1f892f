// The pause between two attempts. A flush may cut it short once. Pure: the clock is an argument. Used by delivery.ts.

export class Backoff {
  readonly #end: number;
  #wasEarly = false;

  /** @param now milliseconds on a monotonic clock. */
  constructor(now: number, delay: number) {
    this.#end = now + delay;
  }

  /** Milliseconds until the next attempt is due. */
  left(now: number): number {
    return Math.max(0, this.#end - now);
  }

  /**
   * Whether an attempt may be made before the pause ends. True only once, so that frequent flushes don't cause more
   * attempts.
   */
  tryEarly(): boolean {
    const isFirst = !this.#wasEarly;
    this.#wasEarly = true;
    return isFirst;
  }
}
