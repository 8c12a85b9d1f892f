// Allows one request at a time for each source, however many clients and runs have events of it. Used by spool.ts and
// delivery.ts.

/** A delivery that takes turns. */
export interface Sender {
  /** A caller is waiting: end a backoff early. */
  flush(): void;
}

export class Turn {
  #sender: Sender | undefined;
  readonly #waiting: (() => void)[] = [];

  /**
   * Waits until no other sender of this source is active, first come, first served. Call the returned function at the
   * end.
   */
  async take(sender: Sender): Promise<() => void> {
    if (this.#sender !== undefined) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#sender = sender;
    return () => {
      const next = this.#waiting.shift();
      // The turn is passed on directly, so that no other sender can take it in between.
      if (next === undefined) this.#sender = undefined;
      else next();
    };
  }

  /** A caller waits for events of `sender`: flushes the sender whose turn it is, so that it ends a backoff early. */
  flush(sender: Sender): void {
    if (this.#sender !== undefined && this.#sender !== sender) this.#sender.flush();
  }
}
