// Those who wait for events to settle, without blocking the thread. Used by client.ts.
import { after, now } from '../runtime/clock.js';
import type { Timer } from '../runtime/ticked-timers.js';
import type { Wait } from './wait.js';

export class FlushWaiters {
  readonly #checks = new Set<() => void>();

  /** Something has changed, or may have. */
  check(): void {
    for (const check of this.#checks) check();
  }

  /** Resolves when it is done, when time is over, or when `isHopeless` says that nothing can happen before. */
  async wait(wait: Wait, isPointless: (deadline: number) => boolean): Promise<void> {
    const isOver = (): boolean => wait.done || now() >= wait.deadline || isPointless(wait.deadline);
    if (isOver()) return;
    await new Promise<void>((resolve) => {
      let timer: Timer | undefined;
      const check = (): void => {
        if (isOver()) {
          timer?.stop();
          this.#checks.delete(check);
          resolve();
        }
      };
      const wake = (): void => {
        check();
        if (this.#checks.has(check)) startTimer();
      };
      // The deadline may have moved on by then.
      function startTimer(): void {
        timer = after(Math.max(1, wait.deadline - now()), wake);
        // Whoever waits for the result is to get it.
        timer.hold();
      }
      this.#checks.add(check);
      startTimer();
    });
  }
}
