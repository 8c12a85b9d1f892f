// Those who wait for events to settle, without blocking the thread. Used by client.ts.
import { after, now } from './clock.js';

export class Watchers {
  readonly #looks = new Set<() => void>();

  /** Something has changed, or may have. */
  look(): void {
    for (const look of this.#looks) look();
  }

  /** Resolves when `over()`, or when `deadline` has come by our clock. */
  async until(over: () => boolean, deadline: number): Promise<void> {
    if (now() >= deadline || over()) return;
    await new Promise<void>((resolve) => {
      const timer = after(deadline - now(), end);
      // Whoever waits for the result is to get it.
      timer.hold();
      const look = (): void => {
        if (over()) end();
      };
      const looks = this.#looks.add(look);
      function end(): void {
        timer.stop();
        looks.delete(look);
        resolve();
      }
    });
  }
}
