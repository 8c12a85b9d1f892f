// The control block of one client: shared memory in which the worker counts what it has done, and on which the main
// thread sleeps. Used by worker-transport.ts and worker-progress.ts. The slots are described in the worker's
// protocol.ts.
import { CONTROL, CONTROL_BYTES, COUNTER } from '@offthread/worker/protocol';
import { waitForChange } from '../runtime/wait-for-change.js';

type Counter = keyof typeof COUNTER;

export class ControlBlock {
  #memory = new SharedArrayBuffer(CONTROL_BYTES);
  #words = new Int32Array(this.#memory);
  #counters = new BigInt64Array(this.#memory);

  /** The memory to hand over to the worker. */
  get memory(): SharedArrayBuffer {
    return this.#memory;
  }

  count(name: Counter): number {
    return Number(Atomics.load(this.#counters, COUNTER[name]));
  }

  /** Requests started for the current batch. */
  get attempts(): number {
    return Atomics.load(this.#words, CONTROL.ATTEMPTS);
  }

  /** Lets the worker post a message for each outcome up to `through`. */
  expect(through: number): void {
    Atomics.store(this.#counters, COUNTER.EXPECTED, BigInt(through));
  }

  /** Changes whenever the worker has changed something that the main thread may wait for. */
  get changes(): number {
    return Atomics.load(this.#words, CONTROL.CHANGES);
  }

  /** Blocks until `changes` is no longer `seen`, for at most `timeout` ms. May return early. */
  waitForChange(seen: number, timeout: number): void {
    waitForChange(this.#words, CONTROL.CHANGES, seen, timeout);
  }

  /**
   * Takes new memory for the next worker, because an abandoned one may still write to the old memory. Counts carry
   * over, but a `Retry-After` delay doesn't.
   */
  renew(): void {
    const counters = this.#counters;
    Atomics.store(counters, COUNTER.HELD_UNTIL, 0n);
    this.#memory = new SharedArrayBuffer(CONTROL_BYTES);
    this.#words = new Int32Array(this.#memory);
    this.#counters = new BigInt64Array(this.#memory);
    for (const slot of Object.values(COUNTER)) {
      Atomics.store(this.#counters, slot, Atomics.load(counters, slot));
    }
  }
}
