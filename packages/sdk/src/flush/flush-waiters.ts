// Those who wait for events to settle, without blocking the thread. Used by client.ts.
import { after, now } from '../runtime/clock.js';
import type { Timer } from '../runtime/ticked-timers.js';
import type { Wait } from './wait.js';

export class Watchers {
  readonly #looks = new Set<() => void>();

  /** Something has changed, or may have. */
  look(): void {
    for (const look of this.#looks) look();
  }

  /** Resolves when it is done, when time is over, or when `isHopeless` says that nothing can happen before. */
  async until(wait: Wait, isHopeless: (deadline: number) => boolean): Promise<void> {
    const isOver = (): boolean => wait.done || now() >= wait.deadline || isHopeless(wait.deadline);
    if (isOver()) return;
    await new Promise<void>((resolve) => {
      let timer: Timer | undefined;
      const look = (): void => {
        if (isOver()) {
          timer?.stop();
          this.#looks.delete(look);
          resolve();
        }
      };
      const wake = (): void => {
        look();
        if (this.#looks.has(look)) startTimer();
      };
      // The deadline may have moved on by then.
      function startTimer(): void {
        timer = after(Math.max(1, wait.deadline - now()), wake);
        // Whoever waits for the result is to get it.
        timer.hold();
      }
      this.#looks.add(look);
      startTimer();
    });
  }
}
