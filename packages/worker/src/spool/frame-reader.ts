// Reads frames in place from the slabs of a client by sequence number, most cheaply in order. Used by own-writer.ts and
// own-reader.ts.
import { type RawFrame, readFrame } from '../frame/frame.js';
import { FRAME, FRAME_HEADER_BYTES, SLAB_HEADER_BYTES } from '../protocol.js';

/** A slab with frames that were counted. */
export interface CountedSlab {
  readonly bytes: Buffer;
  /** Sequence numbers of its first frame and of its last one. */
  readonly first: number;
  readonly last: number;
}

export interface FrameSlabs {
  /** Sequence number of the first frame whose memory is kept, or infinity. */
  readonly first: number;
  /** Returns the slab with this frame, or the first one behind it. */
  slabOf(sequence: number): CountedSlab | undefined;
}

export class FrameReader {
  readonly #slabs: FrameSlabs;
  /** Where the frame after the last one is. To find it again would take a look at all frames before it. */
  #slab: CountedSlab | undefined;
  #next = 0;
  #at = 0;
  /** Sequence number of the frame that was read last. */
  sequence = 0;

  constructor(slabs: FrameSlabs) {
    this.#slabs = slabs;
  }

  /** Returns the frame with this sequence number. If it isn't there, returns the first one after it, if there is one. */
  read(from: number): RawFrame | undefined {
    let slab = this.#slab;
    if (slab === undefined || from !== this.#next || from > slab.last || from < this.#slabs.first) {
      slab = this.#slabs.slabOf(from);
      if (slab === undefined) return undefined;
      this.#slab = slab;
      this.#next = Math.max(from, slab.first);
      this.#at = offsetOf(slab, this.#next);
    }
    const frame = readFrame(slab.bytes, this.#at);
    this.sequence = this.#next;
    this.#at = frame.end;
    this.#next++;
    return frame;
  }
}

/** Where the frame with this sequence number is. */
function offsetOf({ bytes, first }: CountedSlab, sequence: number): number {
  let at = SLAB_HEADER_BYTES;
  for (let before = first; before < sequence; before++)
    at += FRAME_HEADER_BYTES + bytes.readUInt32LE(at + FRAME.LENGTH);
  return at;
}
