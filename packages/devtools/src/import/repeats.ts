// In: digests of events. Out: whether one was there before. Used by importer.ts.

/** Events in memory: 2^20 sets of four, at eight bytes each 32 MiB, whatever the size of the input. */
const SETS = 2 ** 20;
const WAYS = 4;

/**
 * Remembers the last million events and more. An equal one that is farther back is not found, and a digest that is found
 * by mistake is less likely than a fault of the memory it lies in.
 */
export class Repeats {
  #marks: BigUint64Array | undefined;

  /** Whether an event with that digest was there before. Remembers it. */
  add(digest: Buffer): boolean {
    this.#marks ??= new BigUint64Array(SETS * WAYS);
    const first = (digest.readUInt32LE(8) % SETS) * WAYS;
    const set = this.#marks.subarray(first, first + WAYS);
    const mark = digest.readBigUInt64LE(0);
    if (set.includes(mark)) return true;
    // The oldest of the set goes.
    set.copyWithin(1, 0);
    set[0] = mark;
    return false;
  }
}
