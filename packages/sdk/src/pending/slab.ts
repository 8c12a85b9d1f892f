// Shared memory for frames. In: frames. Out: slabs, new or used before. Used by pending-events.ts.
import { type RawFrame, readFrame } from '@offthread/worker/frame/frame';
import { type Chunk, FRAME_HEADER_BYTES, KIND } from '@offthread/worker/protocol';
import type { EncodedEvent } from '../event/encode.js';
import { every } from '../runtime/clock.js';
import type { Timer } from '../runtime/ticked-timers.js';

/**
 * Bytes of a slab. A client with nothing pending begins with a small one, for about ten events, because a thousand clients
 * have an event now and then. A large one holds about a hundred. An event that fits into neither gets a slab of its size.
 */
const SMALL_BYTES = 8 * 1024;
const LARGE_BYTES = 64 * 1024;

/** Bytes of slabs of each size that are kept in any case, for the next event of any client. */
const MIN_SPARE_BYTES = 2 * 1024 * 1024;

/** Milliseconds after which slabs are let go that nobody needed meanwhile. */
const TRIM_MS = 10_000;

/**
 * Slabs for the next event of any client, the one used last at the end. A new one costs as much as forty events, most
 * of it for the kernel, and a thousand clients with an event now and then take and give back one each for every event.
 */
class SlabPool {
  readonly #slabs: Slab[] = [];
  readonly #min: number;
  /** The fewest there have been since the last trim: so many nobody needed. */
  #unneeded = 0;
  #trimmer: Timer | undefined;

  constructor(size: number) {
    this.#min = MIN_SPARE_BYTES / size;
  }

  take(): Slab | undefined {
    const slab = this.#slabs.pop();
    this.#unneeded = Math.min(this.#unneeded, this.#slabs.length);
    return slab;
  }

  give(slab: Slab): void {
    this.#slabs.push(slab);
    if (this.#slabs.length > this.#min) this.#trimmer ??= every(TRIM_MS, () => this.#trim());
  }

  #trim(): void {
    this.#slabs.splice(0, Math.min(this.#unneeded, this.#slabs.length - this.#min));
    this.#unneeded = this.#slabs.length;
    if (this.#slabs.length > this.#min) return;
    this.#trimmer?.stop();
    this.#trimmer = undefined;
  }
}

const slabPools: ReadonlyMap<number, SlabPool> = new Map(
  [SMALL_BYTES, LARGE_BYTES].map((size) => [size, new SlabPool(size)]),
);

/**
 * Memory that both threads see, filled with frames one after the other. Frames are written to it at once, so that the
 * strings they were die young, and the worker reads them where they are: nothing is copied at the port.
 */
export class Slab {
  readonly memory: SharedArrayBuffer;
  readonly #bytes: Buffer;
  readonly #view: DataView;
  /** Sequence number of the first frame. */
  first = 0;
  /** Sequence number of the last frame; one less than `first` where there is none. */
  last = -1;
  /** Bytes that are posted, and the sequence number of the first frame that is not. */
  #posted = 0;
  #unposted = 0;
  /** Whether somebody may read it even when its events are settled. It is then never written again. */
  #isRetained = false;
  #end = 0;

  constructor(size: number) {
    this.memory = new SharedArrayBuffer(size);
    this.#bytes = Buffer.from(this.memory);
    this.#view = new DataView(this.memory);
  }

  /** Bytes of memory. */
  get size(): number {
    return this.memory.byteLength;
  }

  /** Whether there are frames that `takeChunk` has not given out. */
  get hasMore(): boolean {
    return this.#unposted <= this.last;
  }

  /** Empties the slab; the next frame written is `sequence`. */
  open(sequence: number): this {
    this.first = sequence;
    this.last = sequence - 1;
    this.#unposted = sequence;
    this.#posted = 0;
    this.#end = 0;
    return this;
  }

  /** Writes a frame behind those that are there; false where it does not fit. */
  write({ kind, time, content }: EncodedEvent): boolean {
    const at = this.#end + FRAME_HEADER_BYTES;
    const room = this.size - at;
    // No UTF-16 unit becomes more than three bytes; to count exactly costs as much as to write.
    if (content.length * 3 > room && byteLength(content) > room) return false;
    let { length } = content;
    if (typeof content === 'string') length = this.#bytes.write(content, at);
    else this.#bytes.set(content, at);
    this.#view.setUint32(this.#end, length, true);
    this.#view.setUint32(this.#end + 4, KIND[kind], true);
    this.#view.setFloat64(this.#end + 8, time, true);
    this.#end = at + length;
    this.last++;
    return true;
  }

  /** What has not been given out yet. */
  takeChunk(): Chunk {
    const chunk = {
      memory: this.#posted === 0 ? this.memory : undefined,
      start: this.#posted,
      end: this.#end,
      first: this.#unposted,
      last: this.last,
    };
    this.#posted = this.#end;
    this.#unposted = this.last + 1;
    return chunk;
  }

  /** All is to be given out once more, to another worker. */
  resetPosted(): void {
    if (this.#posted > 0) this.retain();
    this.#posted = 0;
    this.#unposted = this.first;
  }

  /** Leaves its memory to those who still read it: a worker that was given up, or an error. */
  retain(): void {
    this.#isRetained = true;
  }

  /** Whether it may be written again once its events are settled. */
  get isReusable(): boolean {
    return !this.#isRetained;
  }

  /** The frames from `from` to `through` with their sequence numbers, in place. */
  *read(from: number, through: number): Generator<readonly [number, RawFrame]> {
    let at = 0;
    for (let sequence = this.first; sequence <= Math.min(through, this.last); sequence++) {
      const frame = readFrame(this.#bytes, at);
      at = frame.end;
      if (sequence >= from) yield [sequence, frame];
    }
  }
}

/** An empty slab of that size, from `slabSize`. */
export function takeSlab(size: number): Slab {
  return slabPools.get(size)?.take() ?? new Slab(size);
}

/**
 * Bytes of a slab with room for the frame; undefined if there is none.
 *
 * @param isFirst whether nothing else of its client is pending.
 * @param room bytes that its client may still take.
 */
export function slabSize(frame: EncodedEvent, isFirst: boolean, room: number): number | undefined {
  const bytes = FRAME_HEADER_BYTES + byteLength(frame.content);
  if (bytes > room) return undefined;
  return Math.max(bytes, Math.min(isFirst && bytes <= SMALL_BYTES ? SMALL_BYTES : LARGE_BYTES, room));
}

/** Gives back a slab whose events are all delivered, so that the worker is done with it. */
export function releaseSlab(slab: Slab): void {
  if (slab.isReusable) slabPools.get(slab.size)?.give(slab);
}

function byteLength(content: string | Uint8Array): number {
  return typeof content === 'string' ? Buffer.byteLength(content) : content.length;
}
