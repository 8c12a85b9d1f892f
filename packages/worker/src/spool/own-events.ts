// A client's own events as a queue: memory -> segments -> batches. Used by spool.ts, and as a queue by delivery.ts. Next:
// own-writer.ts, own-reader.ts.

import { OwnReader, type OwnReaderOptions } from './own-reader.js';
import { OwnWriter, type OwnWriterOptions } from './own-writer.js';
import type { SlabFrames } from './slab-frames.js';
import type { LostFrames, StoredFrame } from './stored-frame.js';

export interface OwnEventsOptions extends OwnWriterOptions, OwnReaderOptions {
  /** Whether an event accepted at that time is too old to be sent. */
  readonly isExpired: (time: number) => boolean;
}

/** Most events that are given up at once, so that the message about them stays small. */
const MAX_LOST = 1_000;

export class OwnEvents {
  readonly maxBatch = Number.POSITIVE_INFINITY;
  readonly #memory: SlabFrames;
  readonly #isExpired: (time: number) => boolean;
  readonly #writer: OwnWriter;
  readonly #reader: OwnReader;
  /** Sequence number of the last frame that was taken. */
  #taken: number;
  /** The next frame that was found. Frames before it may be missing. */
  #head: StoredFrame | undefined;

  constructor(options: OwnEventsOptions) {
    this.#memory = options.memory;
    this.#isExpired = options.isExpired;
    this.#writer = new OwnWriter(options);
    this.#reader = new OwnReader(options, this.#writer);
    this.#taken = options.settled;
  }

  /** Sequence number of the last frame that was counted. */
  get last(): number {
    return Math.max(this.#memory.last, this.#writer.stored, this.#taken);
  }

  /** Number of waiting frames. */
  get length(): number {
    return this.last - this.#taken;
  }

  /** Not counted. Only the number of frames decides whether a batch is full. */
  get bytes(): number {
    return 0;
  }

  /** Sequence number of the first waiting frame, or infinity if there is none. */
  get next(): number {
    return this.length > 0 ? this.#taken + 1 : Number.POSITIVE_INFINITY;
  }

  get isFilling(): boolean {
    return this.#memory.isFilling;
  }

  /** Sequence number up to which all events are on disk or settled. */
  get stored(): number {
    return this.#writer.stored;
  }

  get isFailing(): boolean {
    return this.#writer.isFailing;
  }

  /** Whether its run has events that aren't settled. */
  get hasUnsettled(): boolean {
    return this.#writer.hasUnsettled;
  }

  get isSyncing(): boolean {
    return this.#writer.isSyncing;
  }

  /** Bytes of its segments. */
  get bytesOnDisk(): number {
    return this.#writer.run?.bytes ?? 0;
  }

  /** When the first waiting event was accepted, in milliseconds since 1970. */
  get oldest(): number | undefined {
    return this.#find()?.time;
  }

  /** Looks for frames that main has added. Returns whether there are any. */
  look(): boolean {
    return this.#memory.look();
  }

  /** Writes what hasn't been written yet. Never throws. */
  write(isUrgent = false): void {
    this.#writer.write(isUrgent);
  }

  /** Syncs everything that is written. Never throws. Calls `done` at the end, whether that succeeded or not. */
  sync(done?: () => void): void {
    this.#writer.sync(done);
  }

  /** Returns the next frame without taking it. Returns undefined if there is none, or if `takeLost` is next. */
  peek(): StoredFrame | undefined {
    const head = this.#find();
    const isNext = head?.sequence === this.#taken + 1 && this.#writer.left <= this.#taken;
    return isNext && !this.#isExpired(head.time) ? head : undefined;
  }

  /** Takes the next frame. */
  shift(): StoredFrame | undefined {
    const frame = this.peek();
    if (frame !== undefined) this.#take(frame.sequence);
    return frame;
  }

  /** Takes the next frames if they can't be sent. */
  takeLost(): LostFrames | undefined {
    if (this.length === 0) return undefined;
    const { left, oversize, run, stored, written } = this.#writer;
    if (left > this.#taken) return this.#lose('left', left);
    const next = this.#taken + 1;
    const bytes = oversize.get(next);
    if (bytes !== undefined) {
      oversize.delete(next);
      return { ...this.#lose('oversize', next), bytes };
    }
    const head = this.#find();
    // The disk can't be read at the moment. It is tried again later.
    if (head === undefined && run === undefined && next <= stored) return undefined;
    if (head?.sequence !== next) {
      // Looked at now, because the loss would be recorded in the run, and then no process would send the events.
      if (this.#writer.leaveIfAdopted()) return this.takeLost();
      // An event that is neither on disk nor in memory is damaged. What isn't stored is in memory.
      const end = next <= stored ? stored : written;
      return this.#lose('damaged', (head?.sequence ?? end + 1) - 1);
    }
    return this.#takeExpired(head);
  }

  settle(through: number): void {
    this.#writer.settle(through);
    this.#reader.settle(through);
  }

  /** Writes down how far its events are settled. Never throws. */
  save(): void {
    this.#writer.run?.save();
  }

  clear(): void {
    this.#take(this.last);
  }

  /** Closes the files: removes what is settled, and leaves the rest. */
  close(): void {
    this.#reader.close();
    this.#writer.close();
  }

  #takeExpired(head: StoredFrame): LostFrames | undefined {
    const frames: StoredFrame[] = [];
    for (let frame = head; this.#isExpired(frame.time) && frames.length < MAX_LOST; ) {
      frames.push(frame);
      this.#take(frame.sequence);
      const following = this.#find();
      if (following?.sequence !== this.#taken + 1) break;
      frame = following;
    }
    return frames.length === 0
      ? undefined
      : { cause: 'expired', through: this.#taken, count: frames.length, frames };
  }

  #take(through: number): void {
    this.#taken = through;
    this.#head = undefined;
  }

  #lose(cause: LostFrames['cause'], through: number): LostFrames {
    const count = through - this.#taken;
    this.#take(through);
    return { cause, through, count, frames: [] };
  }

  /** Finds the first available frame after those that were taken. */
  #find(): StoredFrame | undefined {
    if (this.#head === undefined && this.length > 0) this.#head = this.#reader.find(this.#taken + 1);
    return this.#head;
  }
}
