// Keeps slabs until their frames are no longer needed. Used by spool.ts. Next: frame-reader.ts. Clients without a spool use
// batch/queue.ts instead.
import { FRAME, FRAME_HEADER_BYTES, type Handover, RETIRED, SLAB, SLAB_HEADER_BYTES } from '../protocol.js';
import type { FrameSlabs } from './frame-reader.js';

/**
 * Most bytes of slabs that are kept although their events are on disk, because the events are about to be sent, or are
 * being sent. To copy them or to read them back costs more than everything else that the spool does.
 */
const KEPT_BYTES = 1024 * 1024;

/** A slab that main can't reuse yet. */
interface Reading {
  readonly bytes: Buffer;
  readonly header: Int32Array;
  /** Sequence numbers of the first frame, and of the last one that was counted. */
  readonly first: number;
  last: number;
  /** End of the last frame that was counted. */
  end: number;
  /** Whether main may still add frames. Only the last slab can be open. */
  isOpen: boolean;
}

export class SlabFrames implements FrameSlabs {
  #slabs: Reading[] = [];
  #last: number;
  /** Sequence numbers up to which all events are on disk, and up to which they are settled. */
  #released: number;
  #settled: number;
  /** See `KEPT_BYTES`. */
  #kept = KEPT_BYTES;
  /** Called with the memory of a slab, whose frames may be in use, before main can reuse it. */
  onRetire: (memory: Buffer) => void = () => {};

  /** @param released sequence number up to which an earlier worker finished all events. */
  constructor(released: number) {
    this.#last = released;
    this.#released = released;
    this.#settled = released;
  }

  get first(): number {
    return this.#slabs[0]?.first ?? Number.POSITIVE_INFINITY;
  }

  get last(): number {
    return this.#last;
  }

  get isFilling(): boolean {
    const slab = this.#slabs.at(-1);
    return slab?.isOpen === true && Atomics.load(slab.header, SLAB.FILLING) === 1;
  }

  /** Adds a slab at the end. */
  push({ memory, first, end }: Handover): void {
    const before = this.#slabs.at(-1);
    if (before?.isOpen) {
      // Main added its last frame to the previous slab before it handed this one over.
      this.#see(before);
      before.isOpen = false;
    }
    const slab: Reading = {
      bytes: Buffer.from(memory),
      header: new Int32Array(memory, 0, 2),
      first,
      last: first - 1,
      end: SLAB_HEADER_BYTES,
      isOpen: end === undefined,
    };
    this.#slabs.push(slab);
    this.#see(slab, end);
    this.#retire();
  }

  look(): boolean {
    const slab = this.#slabs.at(-1);
    return slab?.isOpen === true && this.#see(slab);
  }

  slabOf(sequence: number): Reading | undefined {
    return this.#slabs.find(({ last }) => last >= sequence);
  }

  /** The events up to `through` are on disk: lets main reuse their memory, except for what will be read soon. */
  release(through: number): void {
    this.#released = Math.max(this.#released, through);
    this.#retire();
  }

  /** @param isSending false if requests fail, so that nothing is about to be sent. */
  keep(isSending: boolean): void {
    this.#kept = isSending ? KEPT_BYTES : 0;
    this.#retire();
  }

  /** The events up to `through` are settled: lets main reuse their memory if they are also on disk or need not be. */
  settle(through: number): void {
    this.#settled = Math.max(this.#settled, through);
    this.#retire();
  }

  /**
   * Returns the open slab to main. Main then hands over another slab with its next frame, which wakes this thread.
   * Returns false if there are frames that are still needed or haven't been counted.
   */
  retire(): boolean {
    const slab = this.#slabs[0];
    if (slab === undefined) return true;
    if (this.#slabs.length > 1 || slab.last > this.#released) return false;
    if (slab.last > this.#settled) return false;
    if (Atomics.compareExchange(slab.header, SLAB.END, slab.end, RETIRED) !== slab.end) return false;
    this.#slabs = [];
    return true;
  }

  #see(slab: Reading, end = Atomics.load(slab.header, SLAB.END)): boolean {
    if (slab.end === end) return false;
    while (slab.end < end) {
      slab.end += FRAME_HEADER_BYTES + slab.bytes.readUInt32LE(slab.end + FRAME.LENGTH);
      slab.last++;
    }
    this.#last = Math.max(this.#last, slab.last);
    return true;
  }

  /** Releases slabs that are no longer needed and get no more frames. */
  #retire(): void {
    for (let slab = this.#slabs[0]; slab !== undefined; slab = this.#slabs[0]) {
      if (slab.isOpen || slab.last > this.#released) return;
      if (slab.last > this.#settled) {
        if (this.#releasedBytes() <= this.#kept) return;
        this.onRetire(slab.bytes);
      }
      this.#slabs.shift();
      Atomics.store(slab.header, SLAB.END, RETIRED);
    }
  }

  /** Bytes of the slabs that are no longer needed. */
  #releasedBytes(): number {
    let sum = 0;
    for (const { bytes, isOpen, last } of this.#slabs)
      if (!isOpen && last <= this.#released) sum += bytes.length;
    return sum;
  }
}
