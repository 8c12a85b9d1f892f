// Shared memory for frames. In: frames. Out: slabs, new or used before. Used by pending-events.ts.
import { type RawFrame, readFrame } from '@offthread/worker/frame/frame';
import {
  FRAME_HEADER_BYTES,
  type Handover,
  KIND,
  RETIRED,
  SLAB,
  SLAB_HEADER_BYTES,
} from '@offthread/worker/protocol';
import type { EncodedEvent } from '../event/encode.js';
import { defer, every } from '../runtime/clock.js';
import type { Timer } from '../runtime/ticked-timers.js';

/**
 * Bytes of a slab. A client with nothing pending begins with a small one, for about ten events, because a thousand clients
 * have an event now and then. A large one holds about a hundred. A client that fills one sooner than requests begin gets
 * huge ones: each slab is a post. An event that fits into none gets a slab of its size.
 */
const SMALL_BYTES = 8 * 1024;
const LARGE_BYTES = 64 * 1024;
const HUGE_BYTES = 512 * 1024;

/** Milliseconds that a slab should last. */
const LASTING_MS = 200;

/** No slab takes more than this part of the memory that is left. */
const HUGE_SHARE = 1 / 8;

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
  [SMALL_BYTES, LARGE_BYTES, HUGE_BYTES].map((size) => [size, new SlabPool(size)]),
);

/**
 * Memory that both threads see, filled with frames one after the other. Frames are written to it at once, so that the
 * strings they were die young, and the worker reads them where they are: nothing is copied at the port.
 */
export class Slab {
  readonly memory: SharedArrayBuffer;
  readonly #header: Int32Array;
  readonly #bytes: Buffer;
  readonly #view: DataView;
  /** Sequence number of the first frame. */
  first = 0;
  /** Sequence number of the last frame; one less than `first` if there is none. */
  last = -1;
  /** When the first event was accepted, in milliseconds since 1970. */
  since = 0;
  /** Whether a worker has it. */
  #isHandedOver = false;
  /** Whether no frame is added any more. */
  #isSealed = false;
  /** Whether somebody may read it even when its events are settled. It is then never written again. */
  #isRetained = false;
  #end = SLAB_HEADER_BYTES;

  constructor(size: number) {
    this.memory = new SharedArrayBuffer(size);
    this.#header = new Int32Array(this.memory, 0, 2);
    this.#bytes = Buffer.from(this.memory);
    this.#view = new DataView(this.memory);
  }

  /** Bytes of memory. */
  get size(): number {
    return this.memory.byteLength;
  }

  get isHandedOver(): boolean {
    return this.#isHandedOver;
  }

  /** Empties the slab; the next frame written is `sequence`. */
  open(sequence: number): this {
    this.first = sequence;
    this.last = sequence - 1;
    this.#isHandedOver = false;
    this.#isSealed = false;
    this.#end = SLAB_HEADER_BYTES;
    // Nobody else has it.
    this.#header[SLAB.END] = SLAB_HEADER_BYTES;
    return this;
  }

  /** Adds a frame, for the worker to see at once; false if it does not fit, or if the slab gets none any more. */
  write({ kind, time, content }: EncodedEvent): boolean {
    if (this.#isSealed) return false;
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
    const end = at + length;
    if (Atomics.compareExchange(this.#header, SLAB.END, this.#end, end) !== this.#end) {
      // The worker has given it back since.
      this.#isSealed = true;
      return false;
    }
    this.#end = end;
    if (this.last < this.first) this.since = time;
    this.last++;
    return true;
  }

  /** Adds no frame any more. */
  seal(): void {
    this.#isSealed = true;
  }

  /** What is posted to the worker, once: it sees frames that are added later. */
  handOver(): Handover {
    this.#isHandedOver = true;
    if (this.#isSealed) return { memory: this.memory, first: this.first, end: this.#end };
    Atomics.store(this.#header, SLAB.FILLING, 1);
    defer(() => Atomics.store(this.#header, SLAB.FILLING, 0));
    return { memory: this.memory, first: this.first, end: undefined };
  }

  /** The worker that had it is gone: all is to be handed over once more, to another one. */
  resetPosted(): void {
    if (!this.#isHandedOver) return;
    // The one that is gone may still read it, and write to its header.
    this.retain();
    this.seal();
    this.#isHandedOver = false;
  }

  /** Leaves its memory to those who still read it: a worker that was given up, or an error. */
  retain(): void {
    this.#isRetained = true;
  }

  /** Whether it may be written again once its events are settled. */
  get isReusable(): boolean {
    return !this.#isRetained;
  }

  /** Whether nobody reads it any more but those it is kept for, once its events are settled. */
  get isReleased(): boolean {
    return this.#isRetained || !this.#isHandedOver || Atomics.load(this.#header, SLAB.END) === RETIRED;
  }

  /** The frames from `from` to `through` with their sequence numbers, in place. */
  *read(from: number, through: number): Generator<readonly [number, RawFrame]> {
    let at = SLAB_HEADER_BYTES;
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
 * @param before the slab that its client has filled, if anything in it is pending.
 * @param room bytes that its client may still take.
 */
export function slabSize(frame: EncodedEvent, before: Slab | undefined, room: number): number | undefined {
  const bytes = SLAB_HEADER_BYTES + FRAME_HEADER_BYTES + byteLength(frame.content);
  if (bytes > room) return undefined;
  let size = SMALL_BYTES;
  if (before !== undefined || bytes > SMALL_BYTES) size = LARGE_BYTES;
  if (before !== undefined && before.size >= LARGE_BYTES && HUGE_BYTES <= room * HUGE_SHARE) {
    const filledIn = frame.time - before.since;
    if (before.size * LASTING_MS > filledIn * LARGE_BYTES) size = HUGE_BYTES;
  }
  return Math.max(bytes, Math.min(size, room));
}

/** Gives back a slab that is released, and whose events are all settled. */
export function releaseSlab(slab: Slab): void {
  if (slab.isReusable) slabPools.get(slab.size)?.give(slab);
}

function byteLength(content: string | Uint8Array): number {
  return typeof content === 'string' ? Buffer.byteLength(content) : content.length;
}
