// Passes a client's events through the disk: memory -> segments -> batches. It writes the frames that main adds, and
// returns them in order, read back from disk, or from memory while the disk fails. Used by spool.ts.
//
// Memory is kept until its events are synced, so that they can be written again if the disk loses them.

import type { Redact } from '../batch/redact-event.js';
import { lengthOf, type RawFrame, textOf, write as writeText } from '../frame/frame.js';
import type { FrameDefaults } from '../protocol.js';
import type { FileSystem } from './file-system.js';
import type { OwnRun } from './own-run.js';
import { RunReader } from './run-reader.js';
import type { StoredEvent } from './run-writer.js';
import type { LostFrames, StoredFrame } from './stored-frame.js';

/** Frames in memory that main writes. */
export interface FramesInMemory {
  /** Sequence number of the last frame that was counted. */
  readonly last: number;
  /** Whether main is about to add frames. */
  readonly isFilling: boolean;
  /** Looks for frames that main has added. Returns whether there are any. */
  look(): boolean;
  /** Yields the frames from `from` on, in order and in place, with their sequence numbers. */
  read(from: number): Iterator<readonly [number, RawFrame]>;
  /** Lets main reuse the memory of the frames up to `through`. */
  release(through: number): void;
}

export interface OwnEventsOptions {
  readonly fs: FileSystem;
  readonly memory: FramesInMemory;
  readonly frameDefaults: FrameDefaults;
  readonly redact?: Redact | undefined;
  /** Sequence number up to which events are settled. */
  readonly settled: number;
  /** Sequence number up to which an earlier worker stored events. They are no longer in memory. */
  readonly stored: number;
  /**
   * Opens the run for the events after `stored`: creates its folder, or opens what an earlier worker has stored. Throws
   * the system's error.
   */
  readonly openRun: (stored: number) => OwnRun;
  /** Whether an event accepted at that time is too old to be sent. */
  readonly isExpired: (time: number) => boolean;
  /** Called each time the disk fails. */
  readonly onFailure: (error: unknown) => void;
  /** Called when all events up to `through` are on disk. */
  readonly onStored: (through: number) => void;
  /** Called when another process has adopted the run. The next run needs another name. */
  readonly onLeft: () => void;
  readonly monotonicTime: () => number;
}

/** Milliseconds before a failed disk is tried again. */
const TRY_AGAIN_MS = 1_000;

/** Most events that are given up at once, so that the message about them stays small. */
const MAX_LOST = 1_000;

export class OwnEvents {
  readonly maxBatch = Number.POSITIVE_INFINITY;
  readonly #options: OwnEventsOptions;
  readonly #memory: FramesInMemory;
  #run: OwnRun | undefined;
  #reader: RunReader | undefined;
  /** The frames that are being read from memory, and the next sequence number. */
  #inMemory: { readonly frames: Iterator<readonly [number, RawFrame]>; next: number } | undefined;
  /** Sequence number of the last frame that was taken. */
  #taken: number;
  #settled: number;
  #stored: number;
  /** Sequence number up to which another process has adopted the events. */
  #left = 0;
  /** When the disk last failed; undefined when it works again. */
  #failedAt: number | undefined;
  #isSyncFailing = false;
  #syncs = 0;
  /** Events that are too large for a segment, and therefore for the API, with their size in bytes. */
  readonly #oversize = new Map<number, number>();
  /** The next frame that was found. Frames before it may be missing. */
  #head: StoredFrame | undefined;

  constructor(options: OwnEventsOptions) {
    this.#options = options;
    this.#memory = options.memory;
    this.#taken = options.settled;
    this.#settled = options.settled;
    this.#stored = Math.max(options.settled, options.stored);
  }

  /** Sequence number of the last frame that was counted. */
  get last(): number {
    return Math.max(this.#memory.last, this.#stored, this.#taken);
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
    return this.#stored;
  }

  get isFailing(): boolean {
    return this.#failedAt !== undefined;
  }

  /** Whether its run has events that aren't settled. */
  get hasUnsettled(): boolean {
    return this.#run !== undefined && this.#run.written > this.#settled;
  }

  get isSyncing(): boolean {
    return this.#syncs > 0;
  }

  /** Bytes of its segments. */
  get bytesOnDisk(): number {
    return this.#run?.bytes ?? 0;
  }

  /** When the first waiting event was accepted, in milliseconds since 1970. */
  get oldest(): number | undefined {
    return this.#find()?.time;
  }

  /** Looks for frames that main has added, and writes them. Returns whether there are any. */
  look(): boolean {
    const hasMore = this.#memory.look();
    this.write();
    return hasMore;
  }

  /** Writes what hasn't been written yet. Never throws. */
  write(isUrgent = false): void {
    const from = this.#written + 1;
    // The run is also opened if an earlier worker has stored events.
    const isIdle = from > this.#memory.last && (this.#run !== undefined || this.#stored <= this.#settled);
    if (isIdle) return;
    const { monotonicTime, openRun } = this.#options;
    if (this.#failedAt !== undefined && !isUrgent && monotonicTime() - this.#failedAt < TRY_AGAIN_MS) return;
    try {
      this.#run ??= openRun(from - 1);
      const frames = this.#memory.read(from);
      for (let next = frames.next(); !next.done; next = frames.next()) this.#add(this.#run, ...next.value);
      this.#run.write();
      if (!this.#isSyncFailing) this.#failedAt = undefined;
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Syncs everything that is written. Never throws. Calls `done` at the end, whether that succeeded or not. */
  sync(done: () => void = () => {}): void {
    const run = this.#run;
    if (run === undefined) {
      done();
      return;
    }
    this.#syncs++;
    run.sync((error) => {
      this.#syncs--;
      if (run === this.#run) this.#synced(run, error);
      done();
    });
  }

  /** Returns the next frame without taking it. Returns undefined if there is none, or if `takeLost` is next. */
  peek(): StoredFrame | undefined {
    const head = this.#find();
    const isNext = head?.sequence === this.#taken + 1 && this.#left <= this.#taken;
    return isNext && !this.#options.isExpired(head.time) ? head : undefined;
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
    if (this.#left > this.#taken) return this.#lose('left', this.#left);
    const next = this.#taken + 1;
    const bytes = this.#oversize.get(next);
    if (bytes !== undefined) {
      this.#oversize.delete(next);
      return { ...this.#lose('oversize', next), bytes };
    }
    const head = this.#find();
    // The disk can't be read at the moment. It is tried again later.
    if (head === undefined && this.#run === undefined && next <= this.#stored) return undefined;
    // An event that is neither on disk nor in memory is damaged.
    if (head?.sequence !== next) return this.#lose('damaged', (head?.sequence ?? this.#written + 1) - 1);
    const frames: StoredFrame[] = [];
    for (let frame = head; this.#options.isExpired(frame.time) && frames.length < MAX_LOST; ) {
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

  settle(through: number): void {
    this.#settled = Math.max(this.#settled, through);
    this.#run?.settle(this.#settled);
    if (this.#settled > this.#stored) this.#store(this.#settled);
  }

  clear(): void {
    this.#taken = this.last;
    this.#head = undefined;
  }

  /** Closes the files: removes what is settled, and leaves the rest. Don't call it during a sync. */
  close(): void {
    this.#reader?.close();
    this.#reader = undefined;
    this.#run?.close();
    this.#run = undefined;
  }

  /** Sequence number up to which nothing needs to be written. */
  get #written(): number {
    return Math.max(this.#run?.written ?? this.#stored, this.#settled);
  }

  #add(run: OwnRun, sequence: number, raw: RawFrame): void {
    const event = this.#eventOf(sequence, raw);
    if (!run.add(event)) this.#oversize.set(sequence, event.length);
  }

  /** The event as stored: in its final form if it is redacted, and otherwise as main wrote it. */
  #eventOf(sequence: number, raw: RawFrame): StoredEvent {
    const { redact, frameDefaults } = this.#options;
    const { kind, time, memory, start, end } = raw;
    if (redact === undefined && kind !== 'snapshot') {
      const copy = (target: Buffer, at: number): void => {
        memory.copy(target, at, start, end);
      };
      return { sequence, time, kind, length: end - start, copy };
    }
    const text = textOf(raw, sequence, frameDefaults);
    const final = redact === undefined ? text : redact(text);
    const copy = (target: Buffer, at: number): void => {
      writeText(final, target, at);
    };
    return { sequence, time, kind: 'whole', length: lengthOf(final), copy };
  }

  #synced(run: OwnRun, error: unknown): void {
    this.#isSyncFailing = error !== undefined;
    if (error !== undefined) this.#fail(error);
    else if (run.isOwned) {
      this.#failedAt = undefined;
      this.#store(Math.max(run.synced, this.#stored));
    } else {
      // Another process took this one for dead and adopted what was stored. The rest is still in memory, and goes to a
      // new run.
      this.close();
      this.#options.onLeft();
      this.#left = this.#stored;
      this.#head = undefined;
    }
  }

  #store(through: number): void {
    this.#stored = through;
    this.#memory.release(through);
    this.#options.onStored(through);
  }

  #fail(error: unknown): void {
    this.#failedAt = this.#options.monotonicTime();
    this.#options.onFailure(error);
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
    if (this.#head === undefined && this.length > 0) {
      const next = this.#taken + 1;
      const onDisk = next <= (this.#run?.written ?? 0) ? this.#readDisk(next) : undefined;
      this.#head = onDisk?.sequence === next ? onDisk : (this.#readMemory(next) ?? onDisk);
    }
    return this.#head;
  }

  #readDisk(next: number): StoredFrame | undefined {
    if (this.#run === undefined) return undefined;
    this.#reader ??= new RunReader(this.#options.fs, this.#run.path, next - 1);
    // Skips what was sent from memory.
    while ((this.#reader.peek()?.sequence ?? next) < next) this.#reader.shift();
    const record = this.#reader.peek();
    if (record === undefined) return undefined;
    // The reader moves past it only when it is taken, because it may be requested again.
    const { sequence, time } = record;
    return { sequence, time, text: textOf(record, sequence, this.#options.frameDefaults) };
  }

  #readMemory(next: number): StoredFrame | undefined {
    if (next <= this.#stored || this.#oversize.has(next)) return undefined;
    if (this.#inMemory?.next !== next) this.#inMemory = { frames: this.#memory.read(next), next };
    const found = this.#inMemory.frames.next();
    if (found.done) {
      this.#inMemory = undefined;
      return undefined;
    }
    this.#inMemory.next = next + 1;
    const [sequence, raw] = found.value;
    const { redact, frameDefaults } = this.#options;
    const text = textOf(raw, sequence, frameDefaults);
    return { sequence, time: raw.time, text: redact === undefined ? text : redact(text) };
  }
}
