// A client's events on their way through the disk: memory -> segments -> batches. In: frames that main has written. Out: frames
// to send, in order, each read back from the disk; while the disk fails, from memory. Used by spool.ts.
//
// Memory is kept until it is synced, so that whatever a disk has lost can be written once more.

import type { Redact } from '../batch/redact-event.js';
import { lengthOf, type RawFrame, textOf, write as writeText } from '../frame/frame.js';
import type { FrameDefaults } from '../protocol.js';
import type { FileSystem } from './file-system.js';
import type { OwnRun } from './own-run.js';
import { RunReader } from './run-reader.js';
import type { StoredEvent } from './run-writer.js';
import type { LostFrames, StoredFrame } from './stored-frame.js';

/** Frames in memory that main writes to. */
export interface FramesInMemory {
  /** Sequence number of the last frame that has been seen. */
  readonly last: number;
  /** Whether main is about to add frames. */
  readonly isFilling: boolean;
  /** Looks for frames that main has added. Returns whether there are any. */
  look(): boolean;
  /** The frames from `from` on, in order, with their sequence numbers, in place. */
  read(from: number): Iterator<readonly [number, RawFrame]>;
  /** Main may use the memory of the frames up to `through` again. */
  release(through: number): void;
}

export interface OwnEventsOptions {
  readonly fs: FileSystem;
  readonly memory: FramesInMemory;
  readonly frameDefaults: FrameDefaults;
  readonly redact?: Redact | undefined;
  /** Sequence number up to which events are settled. */
  readonly settled: number;
  /** Sequence number up to which an earlier worker has stored events, which are no longer in memory. */
  readonly stored: number;
  /**
   * Opens the run for events behind `stored`: makes its folder, or finds what an earlier worker has stored. Throws what the
   * system says.
   */
  readonly openRun: (stored: number) => OwnRun;
  /** Whether an event of that time is too old to be sent. */
  readonly isExpired: (time: number) => boolean;
  /** The disk fails. Called each time. */
  readonly onFailure: (error: unknown) => void;
  /** All events up to `through` are on the disk. */
  readonly onStored: (through: number) => void;
  /** Another process has taken the run over. Give the next one another name. */
  readonly onLeft: () => void;
  readonly monotonicTime: () => number;
}

/** Milliseconds after which a disk that has failed is tried again. */
const TRY_AGAIN_MS = 1_000;

/** Events that are given up at once, so that what is told of them stays small. */
const MAX_LOST = 1_000;

export class OwnEvents {
  readonly maxBatch = Number.POSITIVE_INFINITY;
  readonly #options: OwnEventsOptions;
  readonly #memory: FramesInMemory;
  #run: OwnRun | undefined;
  #reader: RunReader | undefined;
  /** What is being read from memory, and the sequence number that comes next. */
  #inMemory: { readonly frames: Iterator<readonly [number, RawFrame]>; next: number } | undefined;
  /** Sequence number of the last frame that was taken out. */
  #taken: number;
  #settled: number;
  #stored: number;
  /** Sequence number up to which another process has taken the events over. */
  #left = 0;
  /** When the disk last failed, until it works again. */
  #failedAt: number | undefined;
  #isSyncFailing = false;
  #syncs = 0;
  /** Events that are too large for a segment, and so for the API, with their bytes. */
  readonly #oversize = new Map<number, number>();
  /** The next frame that was found, which may lie behind some that were not. */
  #head: StoredFrame | undefined;

  constructor(options: OwnEventsOptions) {
    this.#options = options;
    this.#memory = options.memory;
    this.#taken = options.settled;
    this.#settled = options.settled;
    this.#stored = Math.max(options.settled, options.stored);
  }

  /** Sequence number of the last frame that has been seen. */
  get last(): number {
    return Math.max(this.#memory.last, this.#stored, this.#taken);
  }

  /** Frames that wait. */
  get length(): number {
    return this.last - this.#taken;
  }

  /** Nobody counts them: whole batches are full by their number. */
  get bytes(): number {
    return 0;
  }

  /** Sequence number of the first frame that waits; beyond all others if none does. */
  get next(): number {
    return this.length > 0 ? this.#taken + 1 : Number.POSITIVE_INFINITY;
  }

  get isFilling(): boolean {
    return this.#memory.isFilling;
  }

  /** Sequence number up to which all events are on the disk or settled. */
  get stored(): number {
    return this.#stored;
  }

  get isFailing(): boolean {
    return this.#failedAt !== undefined;
  }

  /** Whether there are events in its run that are not settled. */
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

  /** When the first event that waits was accepted, in milliseconds since 1970. */
  get oldest(): number | undefined {
    return this.#find()?.time;
  }

  /** Looks for frames that main has added, and writes them. Returns whether there are any. */
  look(): boolean {
    const hasMore = this.#memory.look();
    this.write();
    return hasMore;
  }

  /** Writes what is not written yet. Never throws. */
  write(isUrgent = false): void {
    const from = this.#written + 1;
    // Opened for what an earlier worker has stored, too.
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

  /** Puts all that is written on the disk. Never throws; `done` is called when that is over, however it went. */
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

  /** The next frame, left where it is; undefined if there is none, or if `takeLost` comes first. */
  peek(): StoredFrame | undefined {
    const head = this.#find();
    const isNext = head?.sequence === this.#taken + 1 && this.#left <= this.#taken;
    return isNext && !this.#options.isExpired(head.time) ? head : undefined;
  }

  /** Takes the next frame out. */
  shift(): StoredFrame | undefined {
    const frame = this.peek();
    if (frame !== undefined) this.#take(frame.sequence);
    return frame;
  }

  /** Takes out what comes next and can't be sent. */
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
    // The disk can't be read at present, and is tried again.
    if (head === undefined && this.#run === undefined && next <= this.#stored) return undefined;
    // What is neither on the disk nor in memory has been damaged.
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

  /** Lets go of the disk: removes what is settled, and leaves the rest. Not during a sync. */
  close(): void {
    this.#reader?.close();
    this.#reader = undefined;
    this.#run?.close();
    this.#run = undefined;
  }

  /** Sequence number up to which nothing need be written. */
  get #written(): number {
    return Math.max(this.#run?.written ?? this.#stored, this.#settled);
  }

  #add(run: OwnRun, sequence: number, raw: RawFrame): void {
    const event = this.#eventOf(sequence, raw);
    if (!run.add(event)) this.#oversize.set(sequence, event.length);
  }

  /** As it is on the disk: in its final form if something is taken out of it, and otherwise as main has written it. */
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
      // Taken for dead: what was stored is another process's now. The rest is still in memory, and goes to a new run.
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

  /** The first frame behind those that were taken that can be found. */
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
    // What was sent from memory is passed over.
    while ((this.#reader.peek()?.sequence ?? next) < next) this.#reader.shift();
    const record = this.#reader.peek();
    if (record === undefined) return undefined;
    // The reader goes on behind it only when it's taken: it may be asked for again.
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
