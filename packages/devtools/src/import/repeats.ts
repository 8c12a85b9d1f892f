// Finds equal events, in a fixed amount of memory.

/** Sets of hashes, and hashes per set, at eight bytes each: 32 MiB in all. */
const SETS = 2 ** 20;
const WAYS = 4;

/** Remembers at least the last million events or so. An equal event that is further back isn't found. */
export class Repeats {
  #marks: BigUint64Array | undefined;

  /** Remembers an event. Returns whether one with the same hash was added before. */
  add(digest: Buffer): boolean {
    this.#marks ??= new BigUint64Array(SETS * WAYS);
    const first = (digest.readUInt32LE(8) % SETS) * WAYS;
    const set = this.#marks.subarray(first, first + WAYS);
    const mark = digest.readBigUInt64LE(0);
    if (set.includes(mark)) return true;
    // Drops the oldest hash of the set.
    set.copyWithin(1, 0);
    set[0] = mark;
    return false;
  }
}
