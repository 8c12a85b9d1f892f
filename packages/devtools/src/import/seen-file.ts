// The file of the events that an import has settled, so that the next run finds equal ones. Next to the state file.
//
// It has eight bytes for each event without a messageId, oldest first. The state file has their number, and is written
// afterwards. Marks beyond that number belong to events that the next run sends again, so they don't count.
import { closeSync, rmSync } from 'node:fs';
import { UsageError } from '../usage.js';
import { openPrivate, readPrivate, writeAll, writePrivate } from './private-file.js';

const MARK_BYTES = 8;

/** Marks to keep when the file is cut, and most marks in it: 16 MiB. */
const KEPT = 2 ** 20;
const MOST = 2 * KEPT;

/** The marks of the settled events, on disk. */
export class SeenFile {
  readonly #path: string;
  #count = 0;
  #added: bigint[] = [];

  constructor(path: string) {
    this.#path = path;
  }

  /**
   * Returns the first `count` marks of the file, and drops the rest. Returns none if the file doesn't have as many. Throws
   * a `UsageError` if it can't be used.
   */
  load(count: number): BigUint64Array {
    try {
      return this.#load(count);
    } catch (error) {
      throw new UsageError(error instanceof Error ? error.message : String(error));
    }
  }

  #load(count: number): BigUint64Array {
    const bytes = count === 0 ? undefined : readPrivate(this.#path)?.subarray(0, count * MARK_BYTES);
    if (bytes?.length !== count * MARK_BYTES) {
      this.remove();
      return new BigUint64Array();
    }
    writePrivate(this.#path, bytes);
    this.#count = count;
    return BigUint64Array.from({ length: count }, (_, index) => bytes.readBigUInt64LE(index * MARK_BYTES));
  }

  /** Adds a mark, for the next `save()`. */
  add(mark: bigint): void {
    this.#added.push(mark);
  }

  /** Writes what was added. Returns the number of marks in the file. */
  save(): number {
    const added = Buffer.alloc(this.#added.length * MARK_BYTES);
    for (const [index, mark] of this.#added.entries()) added.writeBigUInt64LE(mark, index * MARK_BYTES);
    if (this.#count + this.#added.length > MOST) {
      // If the process ends before it writes the state file, that file has a higher count than there are marks here.
      const all = Buffer.concat([readPrivate(this.#path) ?? Buffer.alloc(0), added]);
      writePrivate(this.#path, all.subarray(-KEPT * MARK_BYTES));
      this.#count = KEPT;
    } else if (added.length > 0) {
      const file = openPrivate(this.#path);
      try {
        writeAll(file, added);
      } finally {
        closeSync(file);
      }
      this.#count += this.#added.length;
    }
    this.#added = [];
    return this.#count;
  }

  remove(): void {
    rmSync(this.#path, { force: true });
  }
}
