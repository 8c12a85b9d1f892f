// Calls of the user's functions that are due, oldest first. Used by client.ts.
//
// Each leaves the queue before it is made. It may flush, or end the process: whoever runs the queue then goes on with the
// next one, and none is lost or made twice.

export class ReportQueue {
  #calls: (() => void)[] = [];
  #next = 0;

  get isEmpty(): boolean {
    return this.#next === this.#calls.length;
  }

  push(call: () => void): void {
    this.#calls.push(call);
  }

  /** Makes all calls, and those that they add. */
  run(): void {
    while (!this.isEmpty) this.#calls[this.#next++]?.();
    this.#calls = [];
    this.#next = 0;
  }
}
