// Those who wait for events to settle, without blocking the thread. Used by client.ts.

export class Watchers {
  readonly #looks = new Set<() => void>();

  /** Something has changed. */
  look(): void {
    for (const look of this.#looks) look();
  }

  /** Resolves when `over()`, or after `timeout` ms. */
  async until(over: () => boolean, timeout: number): Promise<void> {
    if (timeout <= 0 || over()) return;
    await new Promise<void>((resolve) => {
      // Holds the process open: whoever waits for the result is to get it.
      const timer = setTimeout(end, timeout);
      const look = (): void => {
        if (over()) end();
      };
      const looks = this.#looks.add(look);
      function end(): void {
        clearTimeout(timer);
        looks.delete(look);
        resolve();
      }
    });
  }
}
