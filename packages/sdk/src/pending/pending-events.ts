// Frames and callbacks of all events that are accepted and not settled. In: frames. Out: chunks; on the way back, who
// is to be told. Next: worker-transport.ts.
//
// A slab belongs to main until its frames are posted, then to the worker. It is used again only once the worker has
// delivered all of its events. A slab with an event that was lost is never used again: the worker may still read it when
// main drops events by itself, and the error reads its events from there.
import { stringOf, textOf } from '@offthread/worker/frame/frame';
import type { Chunk, FrameDefaults } from '@offthread/worker/protocol';
import type { SentEvent } from '../errors.js';
import type { EncodedEvent } from '../event/encode.js';
import { BoundCallback, type Callback } from '../report/bound-callback.js';
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
  /** Sequence number of the newest event that has a callback. */
  newestCallback = 0;
  /** Bytes of memory held. */
  bytes = 0;
  /** Oldest first; only the last one is written to. */
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

  /** Takes a frame over; false where that would hold more than `maxBytes`. */
  append(frame: EncodedEvent, callback: Callback | undefined, maxBytes: number): boolean {
    if (this.#slabs.at(-1)?.write(frame) !== true) {
      const size = slabSize(frame, this.#slabs.length === 0, maxBytes - this.bytes);
      if (size === undefined) return false;
      const slab = takeSlab(size).open(this.accepted + 1);
      slab.write(frame);
      this.#slabs.push(slab);
      this.bytes += slab.size;
    }
    this.accepted++;
    if (callback !== undefined) {
      this.#callbacks.set(this.accepted, new BoundCallback(callback));
      this.newestCallback = this.accepted;
    }
    return true;
  }

  /** What has not been handed out yet, oldest first. */
  takeChunks(): Chunk[] {
    // From the end, because before a slab that is given out there are only such.
    const from = this.#slabs.findLastIndex((slab) => !slab.hasMore) + 1;
    return this.#slabs.slice(from).map((slab) => slab.takeChunk());
  }

  /** All that is not settled is to be handed out once more, because the worker that had it is gone. */
  resetPosted(): void {
    for (const slab of this.#slabs) slab.resetPosted();
  }

  /**
   * The unsettled events up to `through`, which are lost: a function that reads them as they are sent, when somebody
   * asks for them. Settle them next.
   */
  lostEvents(through: number): () => SentEvent[] {
    const from = this.settled + 1;
    const slabs = this.#slabs.filter((slab) => slab.first <= through);
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
    let done = 0;
    for (const slab of this.#slabs) {
      if (slab.last > through) break;
      done++;
      this.bytes -= slab.size;
      releaseSlab(slab);
    }
    if (done > 0) this.#slabs.splice(0, done);
    return callbacks;
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
