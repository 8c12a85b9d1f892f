// Slabs -> frames in order, read in place where main wrote them. Next: batch.ts.
import { type RawFrame, readFrame, type Text, textOf } from '../frame/frame.js';
import {
  FRAME_HEADER_BYTES,
  type FrameDefaults,
  type Handover,
  RETIRED,
  SLAB,
  SLAB_HEADER_BYTES,
} from '../protocol.js';
import type { Redact } from './redact-event.js';

/** One event, ready to be sent. */
export interface Frame {
  readonly sequence: number;
  readonly text: Text;
}

/** A slab that is being read: what lies before `offset` is taken. */
interface Reading {
  readonly bytes: Buffer;
  readonly header: Int32Array;
  offset: number;
  /** Where the last frame ends that has been seen. */
  end: number;
  /** Whether main may still add frames. Only the last slab is open. */
  isOpen: boolean;
}

/**
 * First in, first out. Holds no copy of any frame: a frame is looked at only when it is about to be sent, so that
 * ten thousand waiting events cost the worker a few dozen slab records.
 */
export class Queue {
  #slabs: Reading[] = [];
  #head: Frame | undefined;
  /** Sequence numbers of the last frame that was taken out, and of the last one that was seen. */
  #taken: number;
  #seen: number;
  /** Bytes of the frames between them. */
  #bytes = 0;
  readonly #settled: number;
  readonly #frameDefaults: FrameDefaults;
  readonly #redact: Redact | undefined;

  /** @param settled frames up to this sequence number are passed over; an earlier worker settled them. */
  constructor(settled: number, frameDefaults: FrameDefaults, redact?: Redact) {
    this.#settled = settled;
    this.#taken = settled;
    this.#seen = settled;
    this.#frameDefaults = frameDefaults;
    this.#redact = redact;
  }

  /** Takes a slab over, behind those that are there. */
  push({ memory, first, end }: Handover): void {
    const before = this.#slabs.at(-1);
    if (before?.isOpen) {
      // Main had added its last frame before it handed this slab over.
      this.#see(before);
      before.isOpen = false;
      this.#release();
    }
    const slab: Reading = {
      bytes: Buffer.from(memory),
      header: new Int32Array(memory, 0, 2),
      offset: SLAB_HEADER_BYTES,
      end: SLAB_HEADER_BYTES,
      isOpen: end === undefined,
    };
    // Passes over what an earlier worker settled.
    this.#seen = first - 1;
    this.#slabs.push(slab);
    this.#see(slab, end);
    this.#release();
  }

  /** Looks for frames that main has added. Returns whether there are any. */
  look(): boolean {
    const slab = this.#slabs.at(-1);
    return slab?.isOpen === true && this.#see(slab);
  }

  /** Whether main holds a slab of this client to write to. */
  get isOpen(): boolean {
    return this.#slabs.length > 0;
  }

  /** Whether main is about to add frames, or has not had the time to say otherwise. */
  get isFilling(): boolean {
    const slab = this.#slabs.at(-1);
    return slab?.isOpen === true && Atomics.load(slab.header, SLAB.FILLING) === 1;
  }

  /**
   * Gives the slab back that main writes to. Main hands another one over for the next frame, which wakes this thread.
   * Returns false if there are frames that nobody has looked at.
   */
  retire(): boolean {
    const slab = this.#slabs[0];
    if (slab === undefined) return true;
    const { header, end } = slab;
    if (this.length > 0 || Atomics.compareExchange(header, SLAB.END, end, RETIRED) !== end) return false;
    this.#slabs = [];
    return true;
  }

  /** Frames that wait. */
  get length(): number {
    return Math.max(0, this.#seen - this.#taken);
  }

  /** Bytes of the frames that wait. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Sequence number of the first frame that waits; beyond all others if none does. */
  get next(): number {
    return this.length > 0 ? this.#taken + 1 : Number.POSITIVE_INFINITY;
  }

  /** Sequence number of the last frame that has been seen. */
  get last(): number {
    return this.#seen;
  }

  /** The next frame, left where it is. */
  peek(): Frame | undefined {
    const slab = this.#slabs[0];
    if (this.#head !== undefined || slab === undefined || slab.offset === slab.end) return this.#head;
    const sequence = this.#taken + 1;
    const raw = read(slab);
    this.#release();
    const text = textOf(raw, sequence, this.#frameDefaults);
    this.#head = { sequence, text: this.#redact === undefined ? text : this.#redact(text) };
    this.#bytes -= raw.end - raw.start;
    return this.#head;
  }

  /** Takes the next frame out. */
  shift(): Frame | undefined {
    const frame = this.peek();
    if (frame !== undefined) this.#taken++;
    this.#head = undefined;
    return frame;
  }

  clear(): void {
    this.#slabs = [];
    this.#head = undefined;
    this.#taken = this.#seen;
    this.#bytes = 0;
  }

  /** Counts the frames up to the end. Returns whether there are any. */
  #see(slab: Reading, end = Atomics.load(slab.header, SLAB.END)): boolean {
    const { bytes } = slab;
    if (slab.end === end) return false;
    while (slab.end < end) {
      const length = bytes.readUInt32LE(slab.end);
      slab.end += FRAME_HEADER_BYTES + length;
      this.#seen++;
      if (this.#seen > this.#settled) this.#bytes += length;
      else slab.offset = slab.end;
    }
    return true;
  }

  /** Gives back slabs that are read to their end, and gets no more frames. */
  #release(): void {
    for (let slab = this.#slabs[0]; slab !== undefined; slab = this.#slabs[0]) {
      if (slab.isOpen || slab.offset < slab.end) return;
      this.#slabs.shift();
      Atomics.store(slab.header, SLAB.END, RETIRED);
    }
  }
}

function read(slab: Reading): RawFrame {
  const frame = readFrame(slab.bytes, slab.offset);
  slab.offset = frame.end;
  return frame;
}
