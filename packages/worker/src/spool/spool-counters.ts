// The state of a client's spool in the memory that main reads. Used by spool.ts.
import { SPOOL, SPOOL_WORD, type WorkerSpool } from '../protocol.js';

export class SpoolCounters {
  readonly #slots: BigInt64Array;
  readonly #words: Int32Array;
  readonly #maxBytes: number;
  #recovered = 0;
  #damaged = 0;
  #isFull = false;

  constructor({ control, maxBytes }: WorkerSpool) {
    this.#slots = new BigInt64Array(control);
    this.#words = new Int32Array(control);
    this.#maxBytes = maxBytes;
  }

  get isFull(): boolean {
    return this.#isFull;
  }

  set stored(through: number) {
    Atomics.store(this.#slots, SPOOL.STORED, BigInt(through));
  }

  set isFailing(isFailing: boolean) {
    Atomics.store(this.#slots, SPOOL.FAILING, isFailing ? 1n : 0n);
  }

  set isPaused(isPaused: boolean) {
    Atomics.store(this.#slots, SPOOL.PAUSED, isPaused ? 1n : 0n);
  }

  set bytes(bytes: number) {
    Atomics.store(this.#slots, SPOOL.BYTES, BigInt(bytes));
    this.#isFull = bytes >= this.#maxBytes;
    Atomics.store(this.#words, SPOOL_WORD.FULL, this.#isFull ? 1 : 0);
  }

  /** When the oldest waiting event was accepted, in milliseconds since 1970. Undefined if none waits. */
  set oldest(time: number | undefined) {
    Atomics.store(this.#slots, SPOOL.OLDEST, BigInt(Math.max(0, Math.floor(time ?? 0))));
  }

  addRecovered(count: number): void {
    this.#recovered += count;
    Atomics.store(this.#slots, SPOOL.RECOVERED, BigInt(this.#recovered));
  }

  addDamaged(count: number): void {
    this.#damaged += count;
    Atomics.store(this.#slots, SPOOL.DAMAGED, BigInt(this.#damaged));
  }
}
