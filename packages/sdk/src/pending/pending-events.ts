// Holds the frames and callbacks of all events that are accepted and not settled. Used by
// event-acceptor.ts, outcome-reporter.ts and worker-transport.ts.
//
// The main thread owns a slab until it hands it over. After that it only appends frames, until the slab is full or the
// worker gives it back. A slab is reused only when the worker has said that it no longer reads it, and all its events
// are delivered. A slab with a lost event is never reused: the worker may still read it if the main thread drops events
// by itself, and the error reads its events from the slab.
import { stringOf, textOf } from '@offthread/worker/frame/frame';
import type { FrameDefaults, Handover } from '@offthread/worker/protocol';
import type { SentEvent } from '../errors.js';
import type { EncodedEvent } from '../event/encoded-event.js';
import type { Callback } from '../event/methods.js';
import { BoundCallback } from '../report/bound-callback.js';
import type { EventLog } from './event-log.js';
import type { Slab } from './slab.js';
import { releaseSlab, slabSize, takeSlab } from './slab-pool.js';

/**
 * The pending events of one client. Events are numbered from 1 in the order in which they were accepted, and settle in
 * that order. So a single number, `settled`, is enough, and an event takes only its bytes and its callback, if it has
 * one.
 */
export class PendingEvents {
  /** Sequence number of the newest event. */
  accepted = 0;
  /** Sequence number up to which all events are settled. */
  settled = 0;
  /** With a spool: sequence number up to which all events are on disk and need no memory. Otherwise 0. */
  stored = 0;
  /** Sequence number of the newest event that has a callback. */
  newestCallback = 0;
  /** When the newest event was accepted, in milliseconds since 1970. */
  time = 0;
  /** Whether there are slabs to hand over. */
  hasMore = false;
  /** With a strict spool: where events are written before they are accepted. */
  log: EventLog | undefined;
  /**
   * Oldest first. Only the last one is written to. The first ones may be settled, but not yet given back by the worker.
   */
  #slabs: Slab[] = [];
  readonly #callbacks = new Map<number, BoundCallback>();
  /** What all events of the client have in common. */
  readonly frameDefaults: FrameDefaults;

  constructor(frameDefaults: FrameDefaults) {
    this.frameDefaults = frameDefaults;
  }

  get count(): number {
    return this.accepted - this.settled;
  }

  /** Number of events that are only in memory. */
  get inMemory(): number {
    return this.accepted - this.#safe();
  }

  /** Sequence number up to which events need no memory. A method, because a private getter costs each event 4 ns. */
  #safe(): number {
    return Math.max(this.settled, this.stored);
  }

  /** The slab of the newest event, unless that needs no memory any more. */
  #lastPending(): Slab | undefined {
    return this.inMemory > 0 ? this.#slabs.at(-1) : undefined;
  }

  /** Bytes of the slabs with events that need memory. A loop, because each event that is refused comes here. */
  #bytes(): number {
    const safe = this.#safe();
    let bytes = 0;
    for (const slab of this.#slabs) if (slab.last > safe) bytes += slab.size;
    return bytes;
  }

  /** Adds a frame. Returns false if it doesn't fit into the existing memory. @throws what `log` throws. */
  append(frame: EncodedEvent, callback: Callback | undefined): boolean {
    if (this.#slabs.at(-1)?.write(frame, this.log) !== true) return false;
    this.#accept(frame, callback);
    return true;
  }

  /** Adds a frame in a new slab. Returns false if memory would exceed `maxBytes`. @throws what `log` throws. */
  open(frame: EncodedEvent, callback: Callback | undefined, maxBytes: number): boolean {
    this.free();
    const sequence = this.accepted + 1;
    // An event that is on disk must be accepted, because its sequence number is taken.
    const room = this.log?.has(sequence) ? Number.POSITIVE_INFINITY : maxBytes - this.#bytes();
    const size = slabSize(frame, this.#lastPending(), room);
    if (size === undefined) return false;
    const slab = takeSlab(size).open(sequence);
    try {
      slab.write(frame, this.log);
    } catch (error) {
      releaseSlab(slab);
      throw error;
    }
    this.#slabs.at(-1)?.seal();
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

  /** Returns the slabs that haven't been handed over, oldest first. */
  handOver(): Handover[] {
    this.hasMore = false;
    // Searches from the end, because all slabs before one that was handed over were handed over too.
    const from = this.#slabs.findLastIndex((slab) => slab.isHandedOver) + 1;
    return this.#slabs.slice(from).map((slab) => slab.handOver());
  }

  /** Marks all unsettled events to be handed over again, because their worker has ended. */
  resetPosted(): void {
    for (const slab of this.#slabs) slab.resetPosted();
    this.free();
    this.hasMore = this.#slabs.length > 0;
  }

  /**
   * Returns a function that reads the unsettled events up to `through`, which are lost, as they are sent. The caller
   * must settle them next.
   */
  lostEvents(through: number): () => SentEvent[] {
    const from = this.settled + 1;
    const slabs = this.#slabs.filter((slab) => slab.first <= through && slab.last >= from);
    for (const slab of slabs) slab.retain();
    return () => readEvents(slabs, from, through, this.frameDefaults);
  }

  /** Settles all events up to `through`, and returns their callbacks. */
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

  /** Frees the slabs that are no longer needed. */
  free(): void {
    const safe = this.#safe();
    let done = 0;
    for (const slab of this.#slabs) {
      if (slab.last > safe || !slab.isReleased) break;
      done++;
      releaseSlab(slab);
    }
    if (done > 0) this.#slabs.splice(0, done);
  }
}

/** Reads events from slabs. BigInts become strings, so that the events can be saved as JSON. */
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
        // The error may be read when the stack is nearly exhausted.
        events.push({ unreadable: String(cause) });
      }
    }
  }
  return events;
}
