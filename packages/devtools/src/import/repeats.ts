// Finds equal events, in a fixed amount of memory.

/** Sets of marks, and marks per set, at eight bytes each: 32 MiB in all. */
const SETS = 2 ** 20;
const WAYS = 4;

const SET_BITS = Math.log2(SETS);

/** What identifies an event: the first bits of the hash of its content. */
export function markOf(digest: Buffer): bigint {
  return digest.readBigUInt64LE(0);
}

/** Remembers at least the last million events or so. An equal event that is further back isn't found. */
export class Repeats {
  #marks: BigUint64Array | undefined;

  /** Remembers an event. Returns whether one with the same mark was added before. */
  add(mark: bigint): boolean {
    this.#marks ??= new BigUint64Array(SETS * WAYS);
    const first = Number(BigInt.asUintN(SET_BITS, mark)) * WAYS;
    const set = this.#marks.subarray(first, first + WAYS);
    if (set.includes(mark)) return true;
    // Drops the oldest mark of the set.
    set.copyWithin(1, 0);
    set[0] = mark;
    return false;
  }
}
