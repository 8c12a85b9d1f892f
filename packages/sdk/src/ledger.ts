// Frames and callbacks of all events that are accepted and not settled. In: frames. Out: chunks; on the way back, who
// is to be told. Next: link.ts.
import { stringOf, textOf } from '@offthread/worker/frame';
import type { Chunk, Signature } from '@offthread/worker/protocol';
import type { AnalyticsError, SentEvent } from './errors.js';
import type { Frame } from './frame.js';
import { giveBack, type Slab, slabSize, takeSlab } from './slab.js';

/** Told once how an event ended: with nothing where the API took it. */
export type Callback = (error?: AnalyticsError) => unknown;

/**
 * Events are numbered from 1 in the order in which they were accepted, and they settle in that order. So one number,
 * `settled`, says it of all of them, and what is kept for an event is its bytes and, if it has one, its callback.
 */
export class Ledger {
  /** Sequence number of the newest event. */
  accepted = 0;
  /** Sequence number up to which all events are settled. */
  settled = 0;
  /** Bytes of memory held. */
  bytes = 0;
  /** Oldest first; only the last one is written to. */
  #slabs: Slab[] = [];
  readonly #callbacks = new Map<number, Callback>();
  /** What all of its events have in common. */
  readonly signature: Signature;

  constructor(signature: Signature) {
    this.signature = signature;
  }

  get pending(): number {
    return this.accepted - this.settled;
  }

  /** Takes a frame over; false where that would hold more than `maxBytes`. */
  append(frame: Frame, callback: Callback | undefined, maxBytes: number): boolean {
    if (this.#slabs.at(-1)?.write(frame) !== true) {
      if (this.bytes + slabSize(frame) > maxBytes) return false;
      const slab = takeSlab(frame).open(this.accepted + 1);
      slab.write(frame);
      this.#slabs.push(slab);
      this.bytes += slab.size;
    }
    this.accepted++;
    if (callback !== undefined) this.#callbacks.set(this.accepted, callback);
    return true;
  }

  /** What has not been handed out yet, oldest first. */
  takeChunks(): Chunk[] {
    // From the end, because before a slab that is given out there are only such.
    const from = this.#slabs.findLastIndex((slab) => !slab.hasMore) + 1;
    return this.#slabs.slice(from).map((slab) => slab.takeChunk());
  }

  /** All that is not settled is to be handed out once more, because the worker that had it is gone. */
  recall(): void {
    for (const slab of this.#slabs) slab.recall();
  }

  /** The unsettled events up to `through`, as they are sent: a BigInt is text, so that JSON can hold them. */
  events(through: number): SentEvent[] {
    const events: SentEvent[] = [];
    for (const slab of this.#slabs) {
      if (slab.first > through) break;
      for (const [sequence, frame] of slab.read(this.settled + 1, through)) {
        events.push(JSON.parse(stringOf(textOf(frame, sequence, this.signature))));
      }
    }
    return events;
  }

  /** Lets go of all events up to `through` and returns their callbacks. */
  settle(through: number): Callback[] {
    const callbacks: Callback[] = [];
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
      giveBack(slab);
    }
    if (done > 0) this.#slabs.splice(0, done);
    return callbacks;
  }
}
