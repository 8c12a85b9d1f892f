// Writes events to the segments of a run, in order. Tracks what is written and what is synced. Used by own-run.ts.
//
// A failed write is undone by truncating the file, which works on a full disk. If that fails too, nothing is appended
// to the file again. A failed sync is never repeated: the system may have dropped what it couldn't write, and a second
// sync would report success. Instead, `written` goes back to `synced`, and the caller, who keeps events in memory until
// they are synced, adds them again, to a new segment. Segments may therefore overlap, and a reader uses the first valid
// record of each event.
import { codeOf, type FileSystem, writeAll } from './file-system.js';
import { MAX_PAYLOAD_BYTES, RECORD_HEADER_BYTES, type SpoolRecord, sealRecord } from './record.js';
import { segmentName } from './run-folder.js';
import { type RunIdentity, SEGMENT_BYTES, writeHeader } from './segment.js';

/** An event to store. */
export interface StoredEvent extends Pick<SpoolRecord, 'sequence' | 'time' | 'kind'> {
  /** Bytes of the payload. */
  readonly length: number;
  /** Writes the payload to `target`, starting at `at`. */
  copy(target: Buffer, at: number): void;
}

/** Bytes that are collected for one write. */
const GATHER_BYTES = 256 * 1024;

/** When all events of a segment are settled and it has filled this part of its limit, a new segment replaces it. */
const SETTLED_SHARE = 1 / 8;

/** A segment that this writer created and hasn't removed. */
interface Segment {
  readonly path: string;
  readonly first: number;
  /** Undefined if it is closed. */
  file: number | undefined;
  /** End of its last record. */
  end: number;
  last: number;
  /** Whether its name is on disk. */
  isNamed: boolean;
  /** Whether all of its records are on disk. */
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
  #isSyncing = false;
  #waiting: ((error: unknown) => void)[] = [];
  #isClosed = false;

  /** @param written sequence number up to which no event needs to be written. */
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
    return this.#segments.reduce((sum, { end }) => sum + end, 0);
  }

  /**
   * Collects an event for the next write. Returns false, and does nothing, if the event is too large for a segment.
   *
   * @throws the system's error. The collected events are then dropped: continue after `written`.
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
   * Writes the collected events.
   *
   * @throws the system's error. The collected events are then dropped: continue after `written`.
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
   * Syncs what is written, without blocking. If that fails, `done` gets the error and `written` goes back: continue
   * after it.
   */
  sync(done: (error: unknown) => void): void {
    this.#waiting.push(done);
    if (!this.#isSyncing) this.#sync();
  }

  /** Removes segments whose events are all settled, except for the current one while it is small. */
  settle(through: number): void {
    this.#settled = Math.max(this.#settled, through);
    const end = this.#current?.end ?? 0;
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

  /** An earlier worker or a failed write may have left a segment that starts with the same event. */
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
    // Before the sync, because events that are appended during it reset this.
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

  /** Makes the caller add everything again that isn't synced. */
  #rewind(): void {
    this.#gathered = 0;
    this.#current = undefined;
    this.#written = this.#synced;
    for (const segment of this.#segments) {
      if (segment.last <= this.#synced) continue;
      // Closed, so that it is never synced again. What was synced before still counts. The rest is written again.
      this.#close(segment);
      segment.isSynced = segment.first <= this.#synced;
      if (segment.isSynced) segment.last = this.#synced;
    }
  }

  /** Never throws: what can't be removed is left for the next process. */
  #discard(): void {
    if (this.#isSyncing) return;
    this.#segments = this.#segments.filter((segment) => {
      // It comes from a failed write or sync, and its events were written again.
      const isSuperseded = !segment.isSynced && segment.last <= this.#synced;
      const isDone = isSuperseded || segment.last <= this.#settled;
      if (segment === this.#current || !isDone) return true;
      this.#close(segment);
      try {
        this.#fs.remove(segment.path);
      } catch (error) {
        // Another process has adopted the folder.
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
