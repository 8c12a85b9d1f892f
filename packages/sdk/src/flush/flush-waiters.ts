// Asynchronous waits for events to settle. Used by client.ts.
import { after, now } from '../runtime/clock.js';
import type { Timer } from '../runtime/ticked-timers.js';
import type { Wait } from './wait.js';

export class FlushWaiters {
  readonly #checks = new Set<() => void>();

  /** Checks all waits. To be called whenever something may have changed. */
  check(): void {
    for (const check of this.#checks) check();
  }

  /** Resolves when `wait` is done, when its deadline has passed, or when `isPointless` says that it can't be met. */
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
      // The deadline may be later by the time the timer fires, so the timer may have to be started again.
      function startTimer(): void {
        timer = after(Math.max(1, wait.deadline - now()), wake);
        // The process must not end before the caller has the result.
        timer.hold();
      }
      this.#checks.add(check);
      startTimer();
    });
  }
}
