// The queue of calls to the user's functions, oldest first. Used by outcome-reporter.ts.
//
// Each call is removed from the queue before it is made, because it may flush or end the process, which runs the queue
// again. So no call is lost or made twice.

export class ReportQueue {
  #calls: (() => void)[] = [];
  #next = 0;

  get isEmpty(): boolean {
    return this.#next === this.#calls.length;
  }

  push(call: () => void): void {
    this.#calls.push(call);
  }

  /** Makes all calls, including those added meanwhile. */
  run(): void {
    while (!this.isEmpty) this.#calls[this.#next++]?.();
    this.#calls = [];
    this.#next = 0;
  }
}
