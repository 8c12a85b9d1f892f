// One request at a time for each source, however many clients and runs have events of it. Used by delivery.ts.

/** Somebody who sends. */
export interface Sender {
  /** Somebody waits: don't sit out a backoff. */
  flush(): void;
}

export class Turn {
  #sender: Sender | undefined;
  readonly #waiting: (() => void)[] = [];

  /** Waits until nobody else of this source sends. First come, first served. Call what it gives when you are done. */
  async take(sender: Sender): Promise<() => void> {
    if (this.#sender !== undefined) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#sender = sender;
    return () => {
      const next = this.#waiting.shift();
      // Handed on, so that nobody comes in between.
      if (next === undefined) this.#sender = undefined;
      else next();
    };
  }

  /** Somebody waits for a turn. */
  flush(sender: Sender): void {
    if (this.#sender !== undefined && this.#sender !== sender) this.#sender.flush();
  }
}
