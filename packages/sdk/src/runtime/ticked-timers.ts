// Timers for a process whose own timers were fake when the SDK was loaded. Used by clock.ts. Each message from the
// worker thread is a tick. The worker thread sends messages while it has work to do, see thread-port.ts.
import { MessageChannel } from 'node:worker_threads';

/** A running timer. It doesn't keep the process running unless `hold()` is called. */
export interface Timer {
  /** Keeps the process running until the timer has fired or is stopped. */
  hold(): void;
  stop(): void;
}

interface Running {
  due: number;
  readonly interval: number | undefined;
  readonly run: () => void;
  release: () => void;
}

export class TickedTimers {
  readonly #now: () => number;
  readonly #running = new Set<Running>();

  constructor(now: () => number) {
    this.#now = now;
  }

  start(ms: number, run: () => void, isRepeated: boolean): Timer {
    const timer: Running = {
      due: this.#now() + ms,
      interval: isRepeated ? ms : undefined,
      run,
      release: () => {},
    };
    this.#running.add(timer);
    return {
      hold: () => {
        timer.release = holdProcess();
      },
      stop: () => this.#stop(timer),
    };
  }

  /** Runs the timers that are due. */
  tick(): void {
    const now = this.#now();
    for (const timer of [...this.#running]) {
      if (timer.due > now || !this.#running.has(timer)) continue;
      if (timer.interval === undefined) this.#stop(timer);
      else timer.due = now + timer.interval;
      timer.run();
    }
  }

  #stop(timer: Running): void {
    this.#running.delete(timer);
    timer.release();
  }
}

/** Keeps the process running, without a timer, until the returned function is called. */
function holdProcess(): () => void {
  const { port1 } = new MessageChannel();
  port1.on('message', () => {});
  return () => port1.close();
}
