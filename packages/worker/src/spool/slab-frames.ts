// Slabs -> frames as main writes them, until their memory is given back. In: slabs. Out: frames, by sequence number. Used by
// spool.ts. Its sibling without a disk is batch/queue.ts.
import { type RawFrame, readFrame } from '../frame/frame.js';
import { FRAME_HEADER_BYTES, type Handover, RETIRED, SLAB, SLAB_HEADER_BYTES } from '../protocol.js';
import type { FramesInMemory } from './own-events.js';

/** A slab that main may not use again. */
interface Reading {
  readonly bytes: Buffer;
  readonly header: Int32Array;
  /** Sequence numbers of the first frame, and of the last one that has been seen. */
  readonly first: number;
  last: number;
  /** Where the last frame ends that has been seen. */
  end: number;
  /** Whether main may still add frames. Only the last slab is open. */
  isOpen: boolean;
}

export class SlabFrames implements FramesInMemory {
  #slabs: Reading[] = [];
  #last: number;
  /** Sequence number up to which nobody needs the memory any more. */
  #released: number;

  /** @param released sequence number up to which an earlier worker was done with everything. */
  constructor(released: number) {
    this.#last = released;
    this.#released = released;
  }

  get last(): number {
    return this.#last;
  }

  get isFilling(): boolean {
    const slab = this.#slabs.at(-1);
    return slab?.isOpen === true && Atomics.load(slab.header, SLAB.FILLING) === 1;
  }

  /** Takes a slab over, behind those that are there. */
  push({ memory, first, end }: Handover): void {
    const before = this.#slabs.at(-1);
    if (before?.isOpen) {
      // Main had added its last frame before it handed this slab over.
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

  *read(from: number): Generator<readonly [number, RawFrame]> {
    for (const slab of this.#slabs) {
      let at = SLAB_HEADER_BYTES;
      for (let sequence = slab.first; sequence <= slab.last; sequence++) {
        const frame = readFrame(slab.bytes, at);
        at = frame.end;
        if (sequence >= from) yield [sequence, frame];
      }
    }
  }

  release(through: number): void {
    this.#released = Math.max(this.#released, through);
    this.#retire();
  }

  /**
   * Gives the slab back that main writes to. Main hands another one over for the next frame, which wakes this thread. Returns
   * false if there are frames that are still needed, or that nobody has looked at.
   */
  retire(): boolean {
    const slab = this.#slabs[0];
    if (slab === undefined) return true;
    if (this.#slabs.length > 1 || slab.last > this.#released) return false;
    if (Atomics.compareExchange(slab.header, SLAB.END, slab.end, RETIRED) !== slab.end) return false;
    this.#slabs = [];
    return true;
  }

  #see(slab: Reading, end = Atomics.load(slab.header, SLAB.END)): boolean {
    if (slab.end === end) return false;
    while (slab.end < end) {
      slab.end += FRAME_HEADER_BYTES + slab.bytes.readUInt32LE(slab.end);
      slab.last++;
    }
    this.#last = Math.max(this.#last, slab.last);
    return true;
  }

  /** Gives back slabs that nobody needs, and that get no more frames. */
  #retire(): void {
    for (let slab = this.#slabs[0]; slab !== undefined; slab = this.#slabs[0]) {
      if (slab.isOpen || slab.last > this.#released) return;
      this.#slabs.shift();
      Atomics.store(slab.header, SLAB.END, RETIRED);
    }
  }
}
