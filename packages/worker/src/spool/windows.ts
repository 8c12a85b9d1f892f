// Memory that segments are read into, used again when the events in it are settled. Used by run-reader.ts and
// segment-reader.ts.
//
// Without this, a backlog leaves so much garbage outside of the heap that V8 lets the process grow by 64 MB before it
// collects it.

/** Bytes per read. The records of a window keep its memory in use until they are settled. */
export const WINDOW_BYTES = 128 * 1024;

/** Most windows that are kept, in use or for later: about the events of two requests. Others are left to V8. */
const MAX_KEPT = 16;

export class Windows {
  readonly #free: Buffer[] = [];
  #used: { readonly memory: Buffer; readonly last: number }[] = [];
  #settled = 0;

  take(): Buffer {
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(WINDOW_BYTES);
  }

  /**
   * Returns memory that `take` gave.
   *
   * @param last sequence number of the last event that may be in use, or 0.
   */
  give(memory: Buffer, last: number): void {
    if (this.#used.length + this.#free.length >= MAX_KEPT) return;
    if (last > this.#settled) this.#used.push({ memory, last });
    else this.#free.push(memory);
  }

  /** Nobody uses the events up to `through` any more. */
  settle(through: number): void {
    this.#settled = Math.max(this.#settled, through);
    const used = this.#used;
    if (used.length === 0) return;
    this.#used = [];
    for (const { memory, last } of used) this.give(memory, last);
  }
}
