// The pause between two attempts, and the one attempt that a flush may make in it. Pure: the clock is an argument. Used
// by delivery.ts.

export class Backoff {
  readonly #end: number;
  #wasEarly = false;

  /** @param now milliseconds on a clock that never steps. */
  constructor(now: number, delay: number) {
    this.#end = now + delay;
  }

  /** Milliseconds until the next attempt is due. */
  left(now: number): number {
    return Math.max(0, this.#end - now);
  }

  /** Whether an attempt may be made before the end. Once: somebody who flushes all the time is no reason for more. */
  tryEarly(): boolean {
    const isFirst = !this.#wasEarly;
    this.#wasEarly = true;
    return isFirst;
  }
}
