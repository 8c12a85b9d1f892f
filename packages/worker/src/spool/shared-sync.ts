// Runs one sync at a time, and lets callers share it. Used by run-writer.ts and strict-run.ts.

type Done = (error: unknown) => void;

export class SharedSync {
  readonly #sync: (done: Done) => void;
  readonly #onEnd: Done;
  #isRunning = false;
  #waiting: Done[] = [];

  /**
   * @param sync syncs everything that is written, and calls `done` at the end, with the error if there is one.
   * @param onEnd is called before the callers are, when no sync is running any more.
   */
  constructor(sync: (done: Done) => void, onEnd: Done) {
    this.#sync = sync;
    this.#onEnd = onEnd;
  }

  get isRunning(): boolean {
    return this.#isRunning;
  }

  /** Calls `done` after a sync that begins now, or when the current one has ended. */
  request(done: Done): void {
    this.#waiting.push(done);
    if (!this.#isRunning) this.#run();
  }

  #run(): void {
    this.#isRunning = true;
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#sync((failure) => {
      const error = failure ?? undefined;
      this.#isRunning = false;
      this.#onEnd(error);
      for (const done of waiting) done(error);
      if (this.#waiting.length > 0 && !this.#isRunning) this.#run();
    });
  }
}
