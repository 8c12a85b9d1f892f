// The name of a client's run. Used by spool.ts, and on main by client-spool.ts and strict-writer.ts.
//
// The name changes if another process adopts the run, which happens to a process that was stopped for minutes. Both
// threads may find that. The one that finds it first moves on to the next name, in shared memory, and the other one
// follows. The next worker finds the name there, too.
import { SPOOL_WORD } from '../protocol.js';
import type { RunName } from './run-folder.js';

const RANDOM_DIGITS = 12;

export class SharedRunName {
  readonly #first: RunName;
  readonly #words: Int32Array;

  /** @param words the Int32 view of the spool's control block. */
  constructor(first: RunName, words: Int32Array) {
    this.#first = first;
    this.#words = words;
  }

  /** Number of runs that were adopted. */
  get number(): number {
    return Atomics.load(this.#words, SPOOL_WORD.RUN);
  }

  get current(): RunName {
    return this.nameOf(this.number);
  }

  /** The name of the run after `number` runs were adopted. */
  nameOf(number: number): RunName {
    const { run } = this.#first;
    const at = run.length - RANDOM_DIGITS;
    const digits = (Number.parseInt(run.slice(at), 16) + number) % 16 ** RANDOM_DIGITS;
    return { ...this.#first, run: run.slice(0, at) + digits.toString(16).padStart(RANDOM_DIGITS, '0') };
  }

  /** Records that a worker opens the run of a strict spool. Returns whether it is the first one. */
  open(): boolean {
    return Atomics.exchange(this.#words, SPOOL_WORD.OPENED, 1) === 0;
  }

  /** Moves on from run `number`, unless the other thread has done so. */
  leave(number: number): void {
    Atomics.compareExchange(this.#words, SPOOL_WORD.RUN, number, number + 1);
  }
}
