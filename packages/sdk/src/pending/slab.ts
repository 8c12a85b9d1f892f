// A slab: a block of shared memory for frames. Used by pending-events.ts. Its layout is described in the worker's
// protocol.ts.
import { type RawFrame, readFrame } from '@offthread/worker/frame/frame';
import {
  FRAME,
  FRAME_HEADER_BYTES,
  type Handover,
  KIND,
  RETIRED,
  SLAB,
  SLAB_HEADER_BYTES,
} from '@offthread/worker/protocol';
import type { EncodedEvent } from '../event/encoded-event.js';
import { defer } from '../runtime/clock.js';
import type { EventLog } from './event-log.js';

/**
 * Shared memory, filled with frames one after the other. Frames are written at once, so that their strings are
 * short-lived garbage. The worker reads them in place, so that posting copies nothing.
 */
export class Slab {
  readonly memory: SharedArrayBuffer;
  /** Bytes of memory. Stored, because `memory.byteLength` is a call. */
  readonly size: number;
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
    this.size = size;
    this.#header = new Int32Array(this.memory, 0, 2);
    this.#bytes = Buffer.from(this.memory);
    this.#view = new DataView(this.memory);
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

  /**
   * Adds a frame, which the worker sees at once. Returns false if it doesn't fit or the slab is sealed.
   *
   * @param log where the event is written before that.
   * @throws what `log` throws.
   */
  write({ kind, time, content }: EncodedEvent, log?: EventLog): boolean {
    if (this.#isSealed) return false;
    const at = this.#end + FRAME_HEADER_BYTES;
    const room = this.size - at;
    // A UTF-16 unit takes at most three bytes. An exact count costs as much as the write.
    if (content.length * 3 > room && byteLength(content) > room) return false;
    let { length } = content;
    if (typeof content === 'string') length = this.#bytes.write(content, at);
    else this.#bytes.set(content, at);
    this.#view.setUint32(this.#end + FRAME.LENGTH, length, true);
    this.#view.setFloat64(this.#end + FRAME.TIME, time, true);
    this.#view.setUint32(this.#end + FRAME.KIND, KIND[kind], true);
    const end = at + length;
    log?.write(this.last + 1, time, this.#bytes, at, end);
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

/** Bytes of a frame's content. */
export function byteLength(content: string | Uint8Array): number {
  return typeof content === 'string' ? Buffer.byteLength(content) : content.length;
}
