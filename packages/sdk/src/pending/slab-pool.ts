// The pools of spare slabs, and how large the next slab of a client is. Used by pending-events.ts.
import { FRAME_HEADER_BYTES, SLAB_HEADER_BYTES } from '@offthread/worker/protocol';
import type { EncodedEvent } from '../event/encoded-event.js';
import { every } from '../runtime/clock.js';
import type { Timer } from '../runtime/ticked-timers.js';
import { byteLength, Slab } from './slab.js';

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
