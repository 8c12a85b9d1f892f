// Writes events to the segments of a run, in order. Tracks what is written and what is synced. Used by own-run.ts and
// strict-run.ts. Next: segment-file.ts.
//
// A failed sync is never repeated: the system may have dropped what it couldn't write, and a second sync would report
// success. Instead, `written` goes back to `synced`, and the caller, who keeps events in memory until they are synced,
// adds them again, to a new segment. Segments may therefore overlap, and a reader uses the first valid record of each
// event.
import type { RawFrame } from '../frame/frame.js';
import { type FileSystem, removed } from './file-system.js';
import { MAX_PAYLOAD_BYTES, RECORD_HEADER_BYTES, sealRecord } from './record.js';
import { type RunIdentity, SEGMENT_BYTES } from './segment.js';
import { SegmentFile } from './segment-file.js';
import { SharedSync } from './shared-sync.js';

/** A frame to store: the bytes of `memory` from `start` to `end`, with their header before them. */
export type FrameBytes = Pick<RawFrame, 'memory' | 'start' | 'end'>;

/** When all events of a segment are settled and it has filled this part of its limit, a new segment replaces it. */
export const SETTLED_SHARE = 1 / 8;

/** A segment that this writer created and hasn't removed. */
interface Segment {
  readonly file: SegmentFile;
  last: number;
  /** Whether its name is on disk. */
  isNamed: boolean;
  /** Whether all of its records are on disk. */
  isSynced: boolean;
}

export interface RunWriterOptions {
  readonly fs: FileSystem;
  /** The folder of the run. */
  readonly folder: string;
  readonly identity: RunIdentity;
  /** Sequence number up to which no event needs to be written. */
  readonly written: number;
  /** Milliseconds since 1970. */
  readonly wallTime: () => number;
  readonly segmentBytes?: number | undefined;
  /** See `SegmentFile`. Default: 0. */
  readonly copy?: number | undefined;
}

export class RunWriter {
  readonly #options: RunWriterOptions;
  readonly #segmentBytes: number;
  /** What is collected for the next write: the bytes from `#start` to `#end`. */
  #memory: Buffer | undefined;
  #start = 0;
  #end = 0;
  /** Sequence numbers of the first and last collected events. */
  #first = 0;
  #last = 0;
  /** Oldest first. */
  #segments: Segment[] = [];
  /** The last segment, unless the next event goes to a new one. */
  #current: Segment | undefined;
  #written: number;
  #synced: number;
  #settled = 0;
  readonly #sync = new SharedSync(
    (done) => this.#syncAll(done),
    (error) => this.#endSync(error),
  );
  /** Sequence number of the last event that the current sync covers. */
  #syncing = 0;
  #isClosed = false;

  constructor(options: RunWriterOptions) {
    this.#options = options;
    this.#segmentBytes = options.segmentBytes ?? SEGMENT_BYTES;
    this.#written = options.written;
    this.#synced = options.written;
  }

  /** Sequence number up to which everything is written. These events survive the end of the process. */
  get written(): number {
    return this.#written;
  }

  /** Sequence number up to which everything is synced. These events survive a power loss. */
  get synced(): number {
    return this.#synced;
  }

  /** Bytes of the segments that this writer created and hasn't removed. */
  get bytes(): number {
    return this.#segments.reduce((sum, { file }) => sum + file.end, 0);
  }

  /**
   * Turns a frame into a record, in place, and collects it for the next write, which must come before its memory is used
   * again. Returns false, and does nothing, if it is too large for a segment.
   *
   * @throws the system's error. The collected events are then dropped: continue after `written`.
   */
  add(sequence: number, { memory, start, end }: FrameBytes): boolean {
    if (start === end || end - start > MAX_PAYLOAD_BYTES) return false;
    const at = start - RECORD_HEADER_BYTES;
    // Frames that follow one another in memory are written at once.
    if (memory !== this.#memory || at !== this.#end) this.write();
    const from = this.#memory === undefined ? at : this.#start;
    if (this.#current !== undefined && this.#current.file.end + end - from > this.#segmentBytes) {
      this.write();
      this.#current = undefined;
    }
    if (this.#memory === undefined) {
      this.#memory = memory;
      this.#start = at;
      this.#first = sequence;
    }
    sealRecord(memory, at, end, sequence);
    this.#end = end;
    this.#last = sequence;
    return true;
  }

  /**
   * Writes the collected events.
   *
   * @throws the system's error. The collected events are then dropped: continue after `written`.
   */
  write(): void {
    const bytes = this.#memory?.subarray(this.#start, this.#end);
    this.drop();
    if (bytes === undefined) return;
    this.#current ??= this.#create(this.#first);
    try {
      this.#current.file.append(bytes);
    } catch (error) {
      if (this.#current.file.isBroken) this.#current = undefined;
      throw error;
    }
    this.#current.last = this.#last;
    this.#current.isSynced = false;
    this.#written = this.#last;
  }

  /** Forgets the collected events. */
  drop(): void {
    this.#memory = undefined;
  }

  /**
   * Syncs what is written, without blocking. If that fails, `done` gets the error and `written` goes back: continue
   * after it.
   */
  sync(done: (error: unknown) => void): void {
    this.#sync.request(done);
  }

  /** Removes segments whose events are all settled, except for the current one while it is small. */
  settle(through: number): void {
    this.#settled = Math.max(this.#settled, through);
    const end = this.#current?.file.end ?? 0;
    if (this.#settled >= this.#written && end >= this.#segmentBytes * SETTLED_SHARE)
      this.#current = undefined;
    this.#discard();
  }

  /** Starts a new segment with the next event. */
  rotate(): void {
    this.#current = undefined;
  }

  /** Closes all files. */
  close(): void {
    this.#isClosed = true;
    this.#current = undefined;
    // During a sync, another file must not get the same file descriptor.
    if (!this.#sync.isRunning) for (const { file } of this.#segments) file.close();
  }

  #create(first: number): Segment {
    const { fs, folder, identity, wallTime, copy } = this.#options;
    const file = new SegmentFile(fs, folder, { first, copy }, identity, wallTime());
    const segment = { file, last: first - 1, isNamed: false, isSynced: true };
    this.#segments.push(segment);
    return segment;
  }

  #syncAll(done: (error: unknown) => void): void {
    this.#syncing = this.#written;
    const segments = this.#segments.filter(({ isSynced }) => !isSynced);
    const next = (error: unknown): void => {
      const segment = error == null ? segments.shift() : undefined;
      if (segment === undefined) done(error);
      else this.#syncSegment(segment, next);
    };
    next(undefined);
  }

  #syncSegment(segment: Segment, done: (error: unknown) => void): void {
    // Before the sync, because events that are appended during it reset this.
    segment.isSynced = true;
    segment.file.sync((error) => {
      if (error !== null || segment.isNamed) done(error);
      else {
        this.#options.fs.syncFolder(this.#options.folder, (failure) => {
          segment.isNamed = failure === null;
          done(failure);
        });
      }
    });
  }

  #endSync(error: unknown): void {
    if (error === undefined) this.#synced = Math.max(this.#synced, this.#syncing);
    else this.#rewind();
    for (const segment of this.#segments)
      if (segment.isSynced && segment !== this.#current) segment.file.close();
    this.#discard();
    if (this.#isClosed) this.close();
  }

  /** Makes the caller add everything again that isn't synced. */
  #rewind(): void {
    this.drop();
    this.#current = undefined;
    this.#written = this.#synced;
    for (const segment of this.#segments) {
      if (segment.last <= this.#synced) continue;
      // Closed, so that it is never synced again. What was synced before still counts. The rest is written again.
      segment.file.close();
      segment.isSynced = segment.file.first <= this.#synced;
      if (segment.isSynced) segment.last = this.#synced;
    }
  }

  /** Never throws: what can't be removed is left for the next process. */
  #discard(): void {
    if (this.#sync.isRunning) return;
    this.#segments = this.#segments.filter((segment) => {
      // It comes from a failed write or sync, and its events were written again.
      const isSuperseded = !segment.isSynced && segment.last <= this.#synced;
      const isDone = isSuperseded || segment.last <= this.#settled;
      if (segment === this.#current || !isDone) return true;
      segment.file.close();
      return !removed(this.#options.fs, segment.file.path);
    });
  }
}
