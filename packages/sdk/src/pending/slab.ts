// Slabs: blocks of shared memory for frames, and the pools from which they are reused. Used by pending-events.ts.
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
 * Slab sizes in bytes. A client with nothing pending starts with a small slab, for about ten events, because a thousand
 * clients may each have an event now and then. A large slab holds about a hundred events. A client that fills one
 * before requests begin gets huge ones, because each slab costs a post. An event that doesn't fit into any of them gets
 * a slab of its own size.
 */
const SMALL_BYTES = 8 * 1024;
const LARGE_BYTES = 64 * 1024;
const HUGE_BYTES = 512 * 1024;

/** How long, in milliseconds, a slab should take to fill. */
const LASTING_MS = 200;

/** A huge slab takes at most this share of the memory that is left. */
const HUGE_SHARE = 1 / 8;

/** Bytes of spare slabs that are always kept, for each size. */
const MIN_SPARE_BYTES = 2 * 1024 * 1024;

/** Interval, in milliseconds, at which unneeded spare slabs are freed. */
const TRIM_MS = 10_000;

/**
 * Spare slabs of one size, shared by all clients. The last one used is last. Allocating a slab costs as much as forty
 * events, mostly in the kernel. A thousand clients with an event now and then take and give back one slab per event.
 */
class SlabPool {
  readonly #slabs: Slab[] = [];
  readonly #min: number;
  /** The lowest number of spare slabs since the last trim. That many weren't needed. */
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
 * Shared memory, filled with frames one after the other. Frames are written at once, so that their strings are
 * short-lived garbage. The worker reads them in place, so that posting copies nothing.
 */
export class Slab {
  readonly memory: SharedArrayBuffer;
  readonly #header: Int32Array;
  readonly #bytes: Buffer;
  readonly #view: DataView;
  /** Sequence number of the first frame. */
  first = 0;
  /** Sequence number of the last frame, or `first - 1` if there is none. */
  last = -1;
  /** When the first event was accepted, in milliseconds since 1970. */
  since = 0;
  #isHandedOver = false;
  /** Whether no more frames may be added. */
  #isSealed = false;
  /** Whether a worker or an error may read it even after its events are settled. It is never reused then. */
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

  /** Empties the slab. The next frame gets the number `sequence`. */
  open(sequence: number): this {
    this.first = sequence;
    this.last = sequence - 1;
    this.#isHandedOver = false;
    this.#isSealed = false;
    this.#end = SLAB_HEADER_BYTES;
    // Not atomic, because no other thread has this slab.
    this.#header[SLAB.END] = SLAB_HEADER_BYTES;
    return this;
  }

  /** Adds a frame, which the worker sees at once. Returns false if it doesn't fit or the slab is sealed. */
  write({ kind, time, content }: EncodedEvent): boolean {
    if (this.#isSealed) return false;
    const at = this.#end + FRAME_HEADER_BYTES;
    const room = this.size - at;
    // A UTF-16 unit takes at most three bytes. An exact count costs as much as the write.
    if (content.length * 3 > room && byteLength(content) > room) return false;
    let { length } = content;
    if (typeof content === 'string') length = this.#bytes.write(content, at);
    else this.#bytes.set(content, at);
    this.#view.setUint32(this.#end, length, true);
    this.#view.setUint32(this.#end + 4, KIND[kind], true);
    this.#view.setFloat64(this.#end + 8, time, true);
    const end = at + length;
    if (Atomics.compareExchange(this.#header, SLAB.END, this.#end, end) !== this.#end) {
      // The worker has given it back in the meantime.
      this.#isSealed = true;
      return false;
    }
    this.#end = end;
    if (this.last < this.first) this.since = time;
    this.last++;
    return true;
  }

  /** Lets no more frames be added. */
  seal(): void {
    this.#isSealed = true;
  }

  /** Returns what to post to the worker. Posted once: the worker sees frames that are added later. */
  handOver(): Handover {
    this.#isHandedOver = true;
    if (this.#isSealed) return { memory: this.memory, first: this.first, end: this.#end };
    Atomics.store(this.#header, SLAB.FILLING, 1);
    defer(() => Atomics.store(this.#header, SLAB.FILLING, 0));
    return { memory: this.memory, first: this.first, end: undefined };
  }

  /** Lets the slab be handed over again, to another worker. */
  resetPosted(): void {
    if (!this.#isHandedOver) return;
    // The old worker may still read the slab and write to its header.
    this.retain();
    this.seal();
    this.#isHandedOver = false;
  }

  /** Keeps the memory from being reused, because an abandoned worker or an error may still read it. */
  retain(): void {
    this.#isRetained = true;
  }

  /** Whether it may be reused when its events are settled. */
  get isReusable(): boolean {
    return !this.#isRetained;
  }

  /** Whether it can be freed when its events are settled: the worker doesn't read it, or it is retained. */
  get isReleased(): boolean {
    return this.#isRetained || !this.#isHandedOver || Atomics.load(this.#header, SLAB.END) === RETIRED;
  }

  /** The frames from `from` to `through`, with their sequence numbers. They aren't copied. */
  *read(from: number, through: number): Generator<readonly [number, RawFrame]> {
    let at = SLAB_HEADER_BYTES;
    for (let sequence = this.first; sequence <= Math.min(through, this.last); sequence++) {
      const frame = readFrame(this.#bytes, at);
      at = frame.end;
      if (sequence >= from) yield [sequence, frame];
    }
  }
}

/** Returns an empty slab. `size` comes from `slabSize`. */
export function takeSlab(size: number): Slab {
  return slabPools.get(size)?.take() ?? new Slab(size);
}

/**
 * Returns the size in bytes of a slab for the frame, or undefined if there is no room.
 *
 * @param before the slab that the client has filled, if it has pending events.
 * @param room bytes that the client may still use.
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

/** Returns a slab to its pool. It must be released, and all its events settled. */
export function releaseSlab(slab: Slab): void {
  if (slab.isReusable) slabPools.get(slab.size)?.give(slab);
}

function byteLength(content: string | Uint8Array): number {
  return typeof content === 'string' ? Buffer.byteLength(content) : content.length;
}
