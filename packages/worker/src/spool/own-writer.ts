// Writes the frames that main adds to the client's run, syncs them, and lets main reuse their memory. Used by
// own-events.ts. Next: own-run.ts.
//
// Memory is kept until its events are synced, so that they can be written again if the disk loses them.

import type { Redact } from '../batch/redact-event.js';
import { lengthOf, type RawFrame, textOf, writeFrameHeader, write as writeText } from '../frame/frame.js';
import { FRAME_HEADER_BYTES, type FrameDefaults } from '../protocol.js';
import { FrameReader } from './frame-reader.js';
import type { Run } from './own-run.js';
import type { FrameBytes } from './run-writer.js';
import type { SlabFrames } from './slab-frames.js';

export interface OwnWriterOptions {
  /** The frames that main writes. */
  readonly memory: SlabFrames;
  readonly frameDefaults: FrameDefaults;
  readonly redact?: Redact | undefined;
  /** Sequence number up to which events are settled. */
  readonly settled: number;
  /** Sequence number up to which an earlier worker stored events. They are no longer in memory. */
  readonly stored: number;
  /**
   * Opens the run for the events after `stored`: creates its folder, or opens what main or an earlier worker has stored.
   * Throws the system's error.
   */
  readonly openRun: (stored: number) => Run;
  /** Called each time the disk fails. */
  readonly onFailure: (error: unknown) => void;
  /** Called when all events up to `through` are on disk. */
  readonly onStored: (through: number) => void;
  /** Called when another process has adopted the run. The next run needs another name. */
  readonly onLeft: () => void;
  readonly monotonicTime: () => number;
}

/** Bytes of events that are rewritten, for one write to disk. */
const REWRITTEN_BYTES = 256 * 1024;

/** Milliseconds before a failed disk is tried again. */
const TRY_AGAIN_MS = 1_000;

export class OwnWriter {
  readonly #options: OwnWriterOptions;
  readonly #memory: SlabFrames;
  readonly #frames: FrameReader;
  #run: Run | undefined;
  /** Events that are stored in another form than in memory, up to the next write. Allocated when there is one. */
  #rewritten: Buffer | undefined;
  #rewrittenEnd = 0;
  #settled: number;
  #stored: number;
  #left = 0;
  /** When the disk last failed; undefined when it works again. */
  #failedAt: number | undefined;
  #isSyncFailing = false;
  #syncs = 0;
  /** Events that are too large for a segment, and therefore for the API, with their size in bytes. */
  readonly oversize = new Map<number, number>();

  constructor(options: OwnWriterOptions) {
    this.#options = options;
    this.#memory = options.memory;
    this.#frames = new FrameReader(options.memory);
    this.#settled = options.settled;
    this.#stored = Math.max(options.settled, options.stored);
  }

  /** Undefined if nothing was written, and while the disk fails. */
  get run(): Run | undefined {
    return this.#run;
  }

  /** Sequence number up to which all events are on disk or settled. */
  get stored(): number {
    return this.#stored;
  }

  /** Sequence number up to which another process has adopted the events. */
  get left(): number {
    return this.#left;
  }

  /** Sequence number up to which nothing needs to be written. */
  get written(): number {
    return Math.max(this.#run?.written ?? this.#stored, this.#settled);
  }

  get isFailing(): boolean {
    return this.#failedAt !== undefined;
  }

  get isSyncing(): boolean {
    return this.#syncs > 0;
  }

  /** Whether its run has events that aren't settled. */
  get hasUnsettled(): boolean {
    return this.#run !== undefined && this.#run.written > this.#settled;
  }

  /** Writes what hasn't been written yet. Never throws. */
  write(isUrgent = false): void {
    // The run is also opened if an earlier worker has stored events.
    const isIdle =
      this.written >= this.#memory.last && (this.#run !== undefined || this.#stored <= this.#settled);
    if (isIdle) return;
    const { monotonicTime, openRun } = this.#options;
    if (this.#failedAt !== undefined && !isUrgent && monotonicTime() - this.#failedAt < TRY_AGAIN_MS) return;
    try {
      this.#run ??= openRun(this.written);
      const frames = this.#frames;
      let frame = frames.read(this.written + 1);
      for (; frame !== undefined; frame = frames.read(frames.sequence + 1))
        this.#add(this.#run, frames.sequence, frame);
      this.#run.write();
      if (!this.#isSyncFailing) this.#failedAt = undefined;
    } catch (error) {
      // Their memory may be used again before the next write.
      this.#run?.drop();
      this.#fail(error);
    }
    this.#rewrittenEnd = 0;
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

  settle(through: number): void {
    this.#settled = Math.max(this.#settled, through);
    this.#run?.settle(this.#settled);
    if (this.#settled > this.#stored) this.#store(this.#settled);
    this.#memory.settle(this.#settled);
  }

  /**
   * Leaves the run if another process, which took this one for dead, has adopted it and what was stored. The rest is
   * still in memory, and goes to a new run. Returns whether that is so.
   */
  leaveIfAdopted(): boolean {
    if (this.#run === undefined || this.#run.isOwned) return false;
    this.close();
    this.#options.onLeft();
    this.#left = this.#stored;
    return true;
  }

  close(): void {
    this.#run?.close();
    this.#run = undefined;
  }

  #add(run: Run, sequence: number, raw: RawFrame): void {
    const frame = this.#finalOf(run, sequence, raw);
    if (!run.add(sequence, frame)) this.oversize.set(sequence, frame.end - frame.start);
  }

  /** The event as stored: in its final form if it is redacted, and otherwise as main wrote it. */
  #finalOf(run: Run, sequence: number, raw: RawFrame): FrameBytes {
    const { redact, frameDefaults } = this.#options;
    const { kind, time } = raw;
    if (redact === undefined && kind !== 'snapshot') return raw;
    const text = textOf(raw, sequence, frameDefaults);
    const final = redact === undefined ? text : redact(text);
    const length = lengthOf(final);
    const { memory, at } = this.#roomFor(run, FRAME_HEADER_BYTES + length);
    writeFrameHeader(memory, at, { kind: 'whole', time }, length);
    const start = at + FRAME_HEADER_BYTES;
    return { memory, start, end: writeText(final, memory, start) };
  }

  #roomFor(run: Run, bytes: number): { readonly memory: Buffer; readonly at: number } {
    if (bytes > REWRITTEN_BYTES) return { memory: Buffer.allocUnsafe(bytes), at: 0 };
    if (this.#rewrittenEnd + bytes > REWRITTEN_BYTES) {
      run.write();
      this.#rewrittenEnd = 0;
    }
    this.#rewritten ??= Buffer.allocUnsafe(REWRITTEN_BYTES);
    const at = this.#rewrittenEnd;
    this.#rewrittenEnd += bytes;
    return { memory: this.#rewritten, at };
  }

  #synced(run: Run, error: unknown): void {
    this.#isSyncFailing = error !== undefined;
    if (error !== undefined) this.#fail(error);
    else if (!this.leaveIfAdopted()) {
      this.#failedAt = undefined;
      this.#store(Math.max(run.synced, this.#stored));
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
}
