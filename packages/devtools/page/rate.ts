// Events per second over the last minute.

/** The events of one second. */
export interface Second {
  received: number;
  refused: number;
}

export const SECONDS = 60;

/** Counts events by second of arrival, and forgets those older than a minute. */
export class Rate {
  #seconds = new Map<number, Second>();

  add(receivedMs: number, events: number, accepted: boolean): void {
    const key = Math.floor(receivedMs / 1_000);
    const second = this.#seconds.get(key) ?? { received: 0, refused: 0 };
    second[accepted ? 'received' : 'refused'] += events;
    this.#seconds.set(key, second);
    for (const old of this.#seconds.keys()) {
      if (this.#seconds.size <= 2 * SECONDS) break;
      this.#seconds.delete(old);
    }
  }

  /** The last full minute, oldest second first, without the current second, which isn't complete. */
  read(nowMs: number): Second[] {
    const now = Math.floor(nowMs / 1_000);
    return Array.from(
      { length: SECONDS },
      (_, index) => this.#seconds.get(now - SECONDS + index) ?? { received: 0, refused: 0 },
    );
  }

  clear(): void {
    this.#seconds.clear();
  }
}
