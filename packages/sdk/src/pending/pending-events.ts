// Frames and callbacks of all events that are accepted and not settled. In: frames. Out: slabs; on the way back, who
// is to be told. Next: worker-transport.ts.
//
// A slab belongs to main until it is handed over. From then on main only adds frames to it, until it is full or the worker
// gives it back. It is used again only once the worker has said that it reads it no more, and all of its events are
// delivered. A slab with an event that was lost is never used again: the worker may still read it when main drops events by
// itself, and the error reads its events from there.
import { stringOf, textOf } from '@offthread/worker/frame/frame';
import type { FrameDefaults, Handover } from '@offthread/worker/protocol';
import type { SentEvent } from '../errors.js';
import type { EncodedEvent } from '../event/encode.js';
import type { Callback } from '../event/methods.js';
import { BoundCallback } from '../report/bound-callback.js';
import { releaseSlab, type Slab, slabSize, takeSlab } from './slab.js';

/**
 * Events are numbered from 1 in the order in which they were accepted, and they settle in that order. So one number,
 * `settled`, says it of all of them, and what is kept for an event is its bytes and, if it has one, its callback.
 */
export class PendingEvents {
  /** Sequence number of the newest event. */
  accepted = 0;
  /** Sequence number up to which all events are settled. */
  settled = 0;
  /** With a spool: sequence number up to which all events are on the disk, and need no memory. Otherwise 0. */
  stored = 0;
  /** Sequence number of the newest event that has a callback. */
  newestCallback = 0;
  /** When the newest event was accepted, in milliseconds since 1970. */
  time = 0;
  /** Whether there are slabs that `handOver` has not given out. */
  hasMore = false;
  /** Oldest first; only the last one is written to. Among the first ones may be some that the worker has not given back. */
  #slabs: Slab[] = [];
  readonly #callbacks = new Map<number, BoundCallback>();
  /** What all of its events have in common. */
  readonly frameDefaults: FrameDefaults;

  constructor(frameDefaults: FrameDefaults) {
    this.frameDefaults = frameDefaults;
  }

  get count(): number {
    return this.accepted - this.settled;
  }

  /** Events for which there is nothing but memory. */
  get inMemory(): number {
    return this.accepted - this.#safe;
  }

  /** Sequence number up to which no memory is needed. */
  get #safe(): number {
    return Math.max(this.settled, this.stored);
  }

  /** Takes a frame over; false if it does not fit into the memory that is there. */
  append(frame: EncodedEvent, callback: Callback | undefined): boolean {
    if (this.#slabs.at(-1)?.write(frame) !== true) return false;
    this.#accept(frame, callback);
    return true;
  }

  /** Takes a frame over into new memory; false if that would hold more than `maxBytes`. */
  open(frame: EncodedEvent, callback: Callback | undefined, maxBytes: number): boolean {
    this.free();
    const pending = this.#slabs.filter((slab) => slab.last > this.#safe);
    const bytes = pending.reduce((sum, slab) => sum + slab.size, 0);
    const size = slabSize(frame, pending.at(-1), maxBytes - bytes);
    if (size === undefined) return false;
    this.#slabs.at(-1)?.seal();
    const slab = takeSlab(size).open(this.accepted + 1);
    slab.write(frame);
    this.#slabs.push(slab);
    this.hasMore = true;
    this.#accept(frame, callback);
    return true;
  }

  #accept({ time }: EncodedEvent, callback: Callback | undefined): void {
    this.accepted++;
    this.time = time;
    if (callback !== undefined) {
      this.#callbacks.set(this.accepted, new BoundCallback(callback));
      this.newestCallback = this.accepted;
    }
  }

  /** Slabs that have not been handed over yet, oldest first. */
  handOver(): Handover[] {
    this.hasMore = false;
    // From the end, because before a slab that is handed over there are only such.
    const from = this.#slabs.findLastIndex((slab) => slab.isHandedOver) + 1;
    return this.#slabs.slice(from).map((slab) => slab.handOver());
  }

  /** All that is not settled is to be handed over once more, because the worker that had it is gone. */
  resetPosted(): void {
    for (const slab of this.#slabs) slab.resetPosted();
    this.free();
    this.hasMore = this.#slabs.length > 0;
  }

  /**
   * The unsettled events up to `through`, which are lost: a function that reads them as they are sent, when somebody
   * asks for them. Settle them next.
   */
  lostEvents(through: number): () => SentEvent[] {
    const from = this.settled + 1;
    const slabs = this.#slabs.filter((slab) => slab.first <= through && slab.last >= from);
    for (const slab of slabs) slab.retain();
    return () => readEvents(slabs, from, through, this.frameDefaults);
  }

  /** Lets go of all events up to `through` and returns their callbacks. */
  settle(through: number): BoundCallback[] {
    const callbacks: BoundCallback[] = [];
    for (const [sequence, callback] of this.#callbacks) {
      if (sequence > through) break;
      callbacks.push(callback);
      this.#callbacks.delete(sequence);
    }
    this.settled = through;
    this.free();
    return callbacks;
  }

  /** Lets go of memory that nobody needs any more. */
  free(): void {
    let done = 0;
    for (const slab of this.#slabs) {
      if (slab.last > this.#safe || !slab.isReleased) break;
      done++;
      releaseSlab(slab);
    }
    if (done > 0) this.#slabs.splice(0, done);
  }
}

/** A BigInt is text in them, so that JSON can hold them. */
function readEvents(
  slabs: readonly Slab[],
  from: number,
  through: number,
  frameDefaults: FrameDefaults,
): SentEvent[] {
  const events: SentEvent[] = [];
  for (const slab of slabs) {
    for (const [sequence, frame] of slab.read(from, through)) {
      try {
        events.push(JSON.parse(stringOf(textOf(frame, sequence, frameDefaults))));
      } catch (cause) {
        // Whoever reads an error may be at the end of the stack.
        events.push({ unreadable: String(cause) });
      }
    }
  }
  return events;
}
