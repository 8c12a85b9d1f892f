// Chunks -> frames in order, read in place where main wrote them. Next: batch.ts.
import { type RawFrame, readFrame, type Text, textOf } from '../frame/frame.js';
import type { Chunk, FrameDefaults } from '../protocol.js';
import type { Redact } from './redact-event.js';

/** One event, ready to be sent. */
export interface Frame {
  readonly sequence: number;
  readonly text: Text;
}

/** A chunk that is being read: what lies before `offset` is done with. */
interface Reading {
  readonly slab: Buffer;
  readonly end: number;
  readonly last: number;
  offset: number;
  next: number;
}

/**
 * First in, first out. Holds no copy of any frame: a frame is looked at only when it is about to be sent, so that
 * ten thousand waiting events cost the worker a few hundred chunk records.
 */
export class Queue {
  #chunks: Reading[] = [];
  #head: Frame | undefined;
  /** Where the chunk before lies, and the next one does if it says nothing else. */
  #slab: Buffer = Buffer.alloc(0);
  readonly #settled: number;
  readonly #frameDefaults: FrameDefaults;
  readonly #redact: Redact | undefined;

  /** @param settled frames up to this sequence number are passed over; an earlier worker settled them. */
  constructor(settled: number, frameDefaults: FrameDefaults, redact?: Redact) {
    this.#settled = settled;
    this.#frameDefaults = frameDefaults;
    this.#redact = redact;
  }

  push(chunk: Chunk): void {
    if (chunk.memory !== undefined) this.#slab = Buffer.from(chunk.memory);
    if (chunk.last <= this.#settled) return;
    const { end, last } = chunk;
    const reading = { slab: this.#slab, end, last, offset: chunk.start, next: chunk.first };
    while (reading.next <= this.#settled) read(reading);
    this.#chunks.push(reading);
  }

  /** Frames that wait. */
  get length(): number {
    return Math.max(0, this.last - this.next + 1);
  }

  /** Sequence number of the first frame that waits; beyond all others where none does. */
  get next(): number {
    return this.#head?.sequence ?? this.#chunks[0]?.next ?? Number.POSITIVE_INFINITY;
  }

  /** Sequence number of the last frame that waits; before all others where none does. */
  get last(): number {
    return this.#chunks.at(-1)?.last ?? this.#head?.sequence ?? 0;
  }

  /** The next frame, left where it is. */
  peek(): Frame | undefined {
    const chunk = this.#chunks[0];
    if (this.#head !== undefined || chunk === undefined) return this.#head;
    const sequence = chunk.next;
    const raw = read(chunk);
    if (chunk.offset === chunk.end) this.#chunks.shift();
    const text = textOf(raw, sequence, this.#frameDefaults);
    this.#head = { sequence, text: this.#redact === undefined ? text : this.#redact(text) };
    return this.#head;
  }

  /** Takes the next frame out. */
  shift(): Frame | undefined {
    const frame = this.peek();
    this.#head = undefined;
    return frame;
  }

  clear(): void {
    this.#chunks = [];
    this.#head = undefined;
  }
}

function read(chunk: Reading): RawFrame {
  const frame = readFrame(chunk.slab, chunk.offset);
  chunk.offset = frame.end;
  chunk.next++;
  return frame;
}
