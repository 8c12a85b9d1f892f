// Timers for a process whose own timers were fake when the SDK was loaded. Used by clock.ts. The worker thread's messages
// are their ticks: it sends some while it has anything to do, see thread-port.ts.
import { MessageChannel } from 'node:worker_threads';

/** A timer that is running. It does not hold the process open unless it is told to. */
export interface Timer {
  /** Holds the process open until the timer has run or is stopped. */
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

  /** Runs what is due. */
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

/** Holds the process open, without a timer, until the returned function is called. */
function holdProcess(): () => void {
  const { port1 } = new MessageChannel();
  port1.on('message', () => {});
  return () => port1.close();
}
