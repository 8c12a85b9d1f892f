// Keeps slabs until their frames are no longer needed, and reads frames from them by sequence number. Used by spool.ts.
// Clients without a spool use batch/queue.ts instead.
import { type RawFrame, readFrame } from '../frame/frame.js';
import { FRAME_HEADER_BYTES, type Handover, RETIRED, SLAB, SLAB_HEADER_BYTES } from '../protocol.js';
import type { FramesInMemory } from './own-writer.js';

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

export class SlabFrames implements FramesInMemory {
  #slabs: Reading[] = [];
  #last: number;
  /** Sequence number up to which the memory is no longer needed. */
  #released: number;

  /** @param released sequence number up to which an earlier worker finished all events. */
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

  *read(from: number): Generator<readonly [number, RawFrame]> {
    for (let sequence = from; ; ) {
      // Searched for again after each slab, because slabs are released in the meantime.
      const slab = this.#slabs.find(({ last }) => last >= sequence);
      if (slab === undefined) return;
      sequence = Math.max(sequence, slab.first);
      for (let at = offsetOf(slab, sequence); sequence <= slab.last; sequence++) {
        const frame = readFrame(slab.bytes, at);
        at = frame.end;
        yield [sequence, frame];
      }
    }
  }

  release(through: number): void {
    this.#released = Math.max(this.#released, through);
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

  /** Releases slabs that are no longer needed and get no more frames. */
  #retire(): void {
    for (let slab = this.#slabs[0]; slab !== undefined; slab = this.#slabs[0]) {
      if (slab.isOpen || slab.last > this.#released) return;
      this.#slabs.shift();
      Atomics.store(slab.header, SLAB.END, RETIRED);
    }
  }
}

/** Where the frame with this sequence number is. */
function offsetOf({ bytes, first }: Reading, sequence: number): number {
  let at = SLAB_HEADER_BYTES;
  for (let before = first; before < sequence; before++) at += FRAME_HEADER_BYTES + bytes.readUInt32LE(at);
  return at;
}
