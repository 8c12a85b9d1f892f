// Work that has come up -> done when the code that is running ends, as long as the event loop turns. Used by
// callback-runner.ts, null-transport.ts and testing/recorder.ts.
import timers from 'node:timers';

// Taken at load: nobody's fake timers put it on hold.
const { setImmediate } = timers;

/**
 * Runs by promise in one turn of the event loop. Work that leads to more work, as when a callback tracks again, would
 * otherwise keep timers and I/O from their turn for ever. Few do it a hundred times without a macrotask in between.
 */
const MAX_RUNS_IN_A_TURN = 100;

export class DeferredTask {
  readonly #work: () => void;
  #isScheduled = false;
  #runs = 0;

  constructor(work: () => void) {
    this.#work = work;
  }

  /** Has the work done once, however often it is asked. */
  schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    if (this.#runs < MAX_RUNS_IN_A_TURN) void this.#runAfterThis();
    else setImmediate(() => this.#run());
  }

  async #runAfterThis(): Promise<void> {
    // Fake timers put queueMicrotask() on hold; await they can't.
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
