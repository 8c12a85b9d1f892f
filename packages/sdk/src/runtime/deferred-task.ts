// A task that runs in a microtask, without starving the event loop. Used by callback-runner.ts and local-transport.ts.
import timers from 'node:timers';

// Captured at load, so that fake timers installed later don't affect it.
const { setImmediate } = timers;

/**
 * Runs by microtask in one turn of the event loop. Without a limit, work that schedules more work, such as a callback
 * that tracks again, would starve timers and I/O. Few programs reach a hundred without a macrotask in between.
 */
const MAX_RUNS_IN_A_TURN = 100;

export class DeferredTask {
  readonly #work: () => void;
  #isScheduled = false;
  #runs = 0;

  constructor(work: () => void) {
    this.#work = work;
  }

  /** Schedules one run. Has no effect while a run is scheduled. */
  schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    if (this.#runs < MAX_RUNS_IN_A_TURN) void this.#runInMicrotask();
    else setImmediate(() => this.#run());
  }

  async #runInMicrotask(): Promise<void> {
    // Fake timers can replace queueMicrotask(), but not await.
    await undefined;
    this.#run();
  }

  #run(): void {
    this.#isScheduled = false;
    if (this.#runs === 0) {
      setImmediate(() => {
        this.#runs = 0;
      }).unref();
    }
    this.#runs++;
    this.#work();
  }
}
