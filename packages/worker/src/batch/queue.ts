// The queue of a client: reads frames in order from the slabs that main wrote them to. Next: batch.ts.
import { type RawFrame, readFrame, type Text, textOf } from '../frame/frame.js';
import {
  FRAME,
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

/** A slab that is being read. Frames before `offset` have been taken. */
interface Reading {
  readonly bytes: Buffer;
  readonly header: Int32Array;
  offset: number;
  /** End of the last frame that was counted. */
  end: number;
  /** Whether main may still add frames. Only the last slab can be open. */
  isOpen: boolean;
}

/**
 * A first-in, first-out queue that copies no frames. A frame is read only when it is about to be sent, so ten thousand
 * waiting events cost the worker a few dozen slab records.
 */
export class Queue {
  #slabs: Reading[] = [];
  #head: Frame | undefined;
  /** Sequence numbers of the last frame that was taken, and of the last one that was counted. */
  #taken: number;
  #seen: number;
  /** Bytes of the frames between them. */
  #bytes = 0;
  readonly #settled: number;
  readonly #frameDefaults: FrameDefaults;
  readonly #redact: Redact | undefined;

  /** @param settled frames up to this sequence number are skipped because an earlier worker settled them. */
  constructor(settled: number, frameDefaults: FrameDefaults, redact?: Redact) {
    this.#settled = settled;
    this.#taken = settled;
    this.#seen = settled;
    this.#frameDefaults = frameDefaults;
    this.#redact = redact;
  }

  /** Adds a slab at the end of the queue. */
  push({ memory, first, end }: Handover): void {
    const before = this.#slabs.at(-1);
    if (before?.isOpen) {
      // Main added its last frame to the previous slab before it handed this one over.
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
    // Skips what an earlier worker settled.
    this.#seen = first - 1;
    this.#slabs.push(slab);
    this.#see(slab, end);
    this.#release();
  }

  /** Counts frames that main has added since the last call. Returns whether there are any. */
  look(): boolean {
    const slab = this.#slabs.at(-1);
    return slab?.isOpen === true && this.#see(slab);
  }

  /** Whether main has a slab of this client that it can write to. */
  get isOpen(): boolean {
    return this.#slabs.length > 0;
  }

  /** Whether main may be about to add frames. */
  get isFilling(): boolean {
    const slab = this.#slabs.at(-1);
    return slab?.isOpen === true && Atomics.load(slab.header, SLAB.FILLING) === 1;
  }

  /**
   * Returns the open slab to main. Main then hands over another slab with its next frame, which wakes this thread.
   * Returns false if there are frames that haven't been counted or taken.
   */
  retire(): boolean {
    const slab = this.#slabs[0];
    if (slab === undefined) return true;
    const { header, end } = slab;
    if (this.length > 0 || Atomics.compareExchange(header, SLAB.END, end, RETIRED) !== end) return false;
    this.#slabs = [];
    return true;
  }

  /** Number of waiting frames. */
  get length(): number {
    return Math.max(0, this.#seen - this.#taken);
  }

  /** Bytes of the waiting frames. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Sequence number of the first waiting frame, or infinity if there is none. */
  get next(): number {
    return this.length > 0 ? this.#taken + 1 : Number.POSITIVE_INFINITY;
  }

  /** Sequence number of the last frame that was counted. */
  get last(): number {
    return this.#seen;
  }

  /** Returns the next frame without removing it. */
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

  /** Removes and returns the next frame. */
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

  /** Counts the frames up to `end`. Returns whether there are any. */
  #see(slab: Reading, end = Atomics.load(slab.header, SLAB.END)): boolean {
    const { bytes } = slab;
    if (slab.end === end) return false;
    while (slab.end < end) {
      const length = bytes.readUInt32LE(slab.end + FRAME.LENGTH);
      slab.end += FRAME_HEADER_BYTES + length;
      this.#seen++;
      if (this.#seen > this.#settled) this.#bytes += length;
      else slab.offset = slab.end;
    }
    return true;
  }

  /** Returns slabs to main that are read completely and get no more frames. */
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
