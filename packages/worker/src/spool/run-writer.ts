// Events -> segments of a run. In: events in order. Out: what is written, and what a loss of power can no longer take. Used by
// run.ts.
//
// A write that fails is taken back by truncating the file, which works on a full disk. If that fails too, nothing is appended
// to this file again. A sync that fails is never repeated: the system may have dropped what it could not write, and a second
// sync would say that all is well. `written` then goes back to `synced`, and the caller, who keeps events in memory until they
// are synced, adds them once more, to a new segment. So segments may overlap; whoever reads them takes of each event the
// first record that holds.
import { codeOf, type FileSystem, writeAll } from './file-system.js';
import { MAX_PAYLOAD_BYTES, RECORD_HEADER_BYTES, type SpoolRecord, sealRecord } from './record.js';
import { segmentName } from './run-folder.js';
import { type RunIdentity, SEGMENT_BYTES, writeHeader } from './segment.js';

/** An event to be stored. */
export interface StoredEvent extends Pick<SpoolRecord, 'sequence' | 'time' | 'kind'> {
  /** Bytes of the payload. */
  readonly length: number;
  /** Writes the payload into `target` from `at` on. */
  copy(target: Buffer, at: number): void;
}

/** Bytes that are gathered for one write. */
const GATHER_BYTES = 256 * 1024;

/** A segment whose events are all settled is given up for a new one if it has filled this part of what it may have. */
const SETTLED_SHARE = 1 / 8;

/** A segment that was made here and is not removed. */
interface Segment {
  readonly path: string;
  readonly first: number;
  /** Undefined when it is closed. */
  file: number | undefined;
  /** Behind its last record. */
  end: number;
  last: number;
  /** Whether its name is on the disk. */
  isNamed: boolean;
  /** Whether all of its records are on the disk. */
  isSynced: boolean;
}

export class RunWriter {
  readonly #fs: FileSystem;
  readonly #folder: string;
  readonly #identity: RunIdentity;
  readonly #wallTime: () => number;
  readonly #segmentBytes: number;
  #scratch = Buffer.allocUnsafe(GATHER_BYTES);
  #gathered = 0;
  /** Sequence numbers of the first and the last event that is gathered. */
  #first = 0;
  #last = 0;
  /** Oldest first. */
  #segments: Segment[] = [];
  /** The last one, unless what comes next goes into a new one. */
  #current: Segment | undefined;
  #written: number;
  #synced: number;
  #settled = 0;
  #isSyncing = false;
  #waiting: ((error: unknown) => void)[] = [];
  #isClosed = false;

  /** @param written sequence number of the last event that need not be written. */
  constructor(
    fs: FileSystem,
    folder: string,
    identity: RunIdentity,
    written: number,
    wallTime: () => number,
    segmentBytes: number = SEGMENT_BYTES,
  ) {
    this.#fs = fs;
    this.#folder = folder;
    this.#identity = identity;
    this.#written = written;
    this.#synced = written;
    this.#wallTime = wallTime;
    this.#segmentBytes = segmentBytes;
  }

  /** Sequence number up to which all is written: the end of this process doesn't take it. */
  get written(): number {
    return this.#written;
  }

  /** Sequence number up to which all is on the disk: a loss of power doesn't take it. */
  get synced(): number {
    return this.#synced;
  }

  /** Bytes of the segments that were made here and are not removed. */
  get bytes(): number {
    return this.#segments.reduce((sum, { end }) => sum + end, 0);
  }

  /**
   * Gathers an event for the next write. Returns false, and does nothing, if no segment can hold it.
   *
   * @throws what the system says. What was gathered is then forgotten: go on behind `written`.
   */
  add(event: StoredEvent): boolean {
    const bytes = RECORD_HEADER_BYTES + event.length;
    if (event.length === 0 || event.length > MAX_PAYLOAD_BYTES) return false;
    if (this.#gathered > 0 && this.#gathered + bytes > GATHER_BYTES) this.write();
    if (this.#current !== undefined && this.#current.end + this.#gathered + bytes > this.#segmentBytes) {
      this.write();
      this.#current = undefined;
    }
    if (bytes > this.#scratch.length) this.#scratch = Buffer.allocUnsafe(bytes);
    if (this.#gathered === 0) this.#first = event.sequence;
    event.copy(this.#scratch, this.#gathered + RECORD_HEADER_BYTES);
    this.#gathered = sealRecord(this.#scratch, this.#gathered, event.length, event);
    this.#last = event.sequence;
    return true;
  }

  /**
   * Writes what is gathered.
   *
   * @throws what the system says. What was gathered is then forgotten: go on behind `written`.
   */
  write(): void {
    const bytes = this.#scratch.subarray(0, this.#gathered);
    this.#gathered = 0;
    if (this.#scratch.length > GATHER_BYTES) this.#scratch = Buffer.allocUnsafe(GATHER_BYTES);
    if (bytes.length === 0) return;
    this.#current ??= this.#create(this.#first);
    this.#append(this.#current, bytes);
    this.#current.last = this.#last;
    this.#current.isSynced = false;
    this.#written = this.#last;
  }

  /**
   * Puts on the disk what is written, without blocking. `done` gets the error if that fails: go on behind `written`, which has
   * gone back.
   */
  sync(done: (error: unknown) => void): void {
    this.#waiting.push(done);
    if (!this.#isSyncing) this.#sync();
  }

  /** Removes segments all of whose events are settled, but for one that is written to and small. */
  settle(through: number): void {
    this.#settled = Math.max(this.#settled, through);
    const end = this.#current?.end ?? 0;
    if (this.#settled >= this.#written && end >= this.#segmentBytes * SETTLED_SHARE)
      this.#current = undefined;
    this.#discard();
  }

  /** What comes next goes into a new segment. */
  rotate(): void {
    this.#current = undefined;
  }

  /** Closes all files. */
  close(): void {
    this.#isClosed = true;
    this.#current = undefined;
    // During a sync the number of a file must not pass to another one.
    if (!this.#isSyncing) for (const segment of this.#segments) this.#close(segment);
  }

  #create(first: number): Segment {
    const { file, path } = this.#open(first);
    const header = writeHeader(this.#identity, this.#wallTime());
    try {
      writeAll(this.#fs, file, header, 0);
    } catch (error) {
      this.#fs.close(file);
      this.#fs.remove(path);
      throw error;
    }
    const segment = {
      path,
      first,
      file,
      end: header.length,
      last: first - 1,
      isNamed: false,
      isSynced: true,
    };
    this.#segments.push(segment);
    return segment;
  }

  /** Another worker, or a write that failed, may have left a segment that begins with the same event. */
  #open(first: number): { readonly file: number; readonly path: string } {
    for (let copy = 0; ; copy++) {
      const path = `${this.#folder}/${segmentName(first, copy)}`;
      try {
        return { file: this.#fs.open(path, 'wx+'), path };
      } catch (error) {
        if (codeOf(error) !== 'EEXIST') throw error;
      }
    }
  }

  #append(segment: Segment, bytes: Buffer): void {
    const { file, end } = segment;
    if (file === undefined) throw new Error('The segment is closed');
    try {
      writeAll(this.#fs, file, bytes, end);
    } catch (error) {
      try {
        this.#fs.truncate(file, end);
      } catch {
        this.#current = undefined;
      }
      throw error;
    }
    segment.end += bytes.length;
  }

  #sync(): void {
    this.#isSyncing = true;
    const waiting = this.#waiting;
    this.#waiting = [];
    const through = this.#written;
    const segments = this.#segments.filter(({ isSynced }) => !isSynced);
    const next = (error: unknown): void => {
      const segment = error == null ? segments.shift() : undefined;
      if (segment !== undefined) {
        this.#syncSegment(segment, next);
        return;
      }
      this.#isSyncing = false;
      if (error == null) this.#finishSync(through);
      else this.#rewind();
      for (const done of waiting) done(error ?? undefined);
      if (this.#isClosed) this.close();
      if (this.#waiting.length > 0 && !this.#isSyncing) this.#sync();
    };
    next(undefined);
  }

  #syncSegment(segment: Segment, done: (error: unknown) => void): void {
    const { file } = segment;
    if (file === undefined) {
      done(undefined);
      return;
    }
    // Before the sync: what is appended meanwhile sets it back.
    segment.isSynced = true;
    this.#fs.sync(file, (error) => {
      if (error !== null || segment.isNamed) done(error);
      else {
        this.#fs.syncFolder(this.#folder, (failure) => {
          segment.isNamed = failure === null;
          done(failure);
        });
      }
    });
  }

  #finishSync(through: number): void {
    this.#synced = Math.max(this.#synced, through);
    for (const segment of this.#segments)
      if (segment.isSynced && segment !== this.#current) this.#close(segment);
    this.#discard();
  }

  /** All that is not synced is to be added once more. */
  #rewind(): void {
    this.#gathered = 0;
    this.#current = undefined;
    this.#written = this.#synced;
    for (const segment of this.#segments) {
      if (segment.last <= this.#synced) continue;
      // Closed: so it is never synced again. What it had before the sync that failed counts on; the rest is written anew.
      this.#close(segment);
      segment.isSynced = segment.first <= this.#synced;
      if (segment.isSynced) segment.last = this.#synced;
    }
  }

  /** Never throws: what can't be removed is left to the next process. */
  #discard(): void {
    if (this.#isSyncing) return;
    this.#segments = this.#segments.filter((segment) => {
      // Of a write or a sync that failed, and written once more.
      const isSuperseded = !segment.isSynced && segment.last <= this.#synced;
      const isDone = isSuperseded || segment.last <= this.#settled;
      if (segment === this.#current || !isDone) return true;
      this.#close(segment);
      try {
        this.#fs.remove(segment.path);
      } catch (error) {
        // Adopted by another process, folder and all.
        if (codeOf(error) !== 'ENOENT') return true;
      }
      return false;
    });
  }

  #close(segment: Segment): void {
    const { file } = segment;
    segment.file = undefined;
    if (file !== undefined) this.#fs.close(file);
  }
}
