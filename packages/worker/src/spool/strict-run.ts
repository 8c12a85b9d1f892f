// The run of a client with `spool.strict`: main writes its segments, see strict-writer.ts, and this thread syncs and
// removes them. Used by own-events.ts. Next: run-writer.ts, cursor.ts.
//
//   following -> copying     a sync has failed, or main may write to another run
//
// Main writes an event before this thread sees it in memory, so what is in memory is written. While copying, this thread
// writes the events that aren't synced from memory to segments of its own, as it does without `strict`. It never goes
// back to following: a file whose sync has failed must not be trusted again, and main goes on writing to it.
import { CURSOR_FILE, Cursor } from './cursor.js';
import { codeOf, removed } from './file-system.js';
import type { OwnRunOptions, Run } from './own-run.js';
import { createRun, removeRun } from './run-files.js';
import { folderOf, type RunName, segmentsOf } from './run-folder.js';
import { RunWriter, type StoredEvent } from './run-writer.js';
import { SharedSync } from './shared-sync.js';

/** The copies of this thread have numbers from this on, so that they are never taken for segments of main. */
const FIRST_COPY = 100_000;

/** A segment that main has created. */
interface Segment {
  readonly path: string;
  readonly first: number;
  /** Kept open until it is synced, because a failure to write it is only reported to files that are open. */
  file: number | undefined;
  /** Whether it is complete and synced. */
  isSynced: boolean;
  bytes: number;
}

export class StrictRun implements Run {
  readonly name: RunName;
  readonly path: string;
  readonly #options: OwnRunOptions;
  readonly #cursor: Cursor;
  /** Sequence number of the last event in memory. Main has written it. */
  readonly #last: () => number;
  /** Set while copying. */
  #copy: RunWriter | undefined;
  /** Main's segments that aren't removed, oldest first. Main writes to the last one. */
  #segments: Segment[] = [];
  /** Their paths. */
  readonly #known = new Set<string>();
  /** Whether the names of the folder, and of all known segments, are on disk. */
  #isFolderNamed = false;
  #isNamed = false;
  #synced: number;
  #syncing = 0;
  readonly #sync = new SharedSync(
    (done) => this.#syncAll(done),
    (error) => this.#endSync(error),
  );
  #isClosed = false;

  /**
   * @param stored sequence number up to which events are synced.
   * @param last returns the sequence number of the last event in memory.
   * @param isCopying whether main may write to another run.
   */
  constructor(options: OwnRunOptions, name: RunName, stored: number, last: () => number, isCopying = false) {
    const { fs, directory, identity, wallTime } = options;
    this.#options = options;
    this.#last = last;
    this.name = name;
    this.path = `${directory}/${folderOf(name)}`;
    this.#synced = stored;
    let created: Cursor | undefined;
    try {
      // Nearly always, main has done that.
      created = createRun(fs, this.path, identity, wallTime());
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error;
    }
    this.#cursor = created ?? Cursor.open(fs, `${this.path}/${CURSOR_FILE}`);
    if (isCopying || created !== undefined) this.#startCopy();
  }

  get written(): number {
    return this.#copy?.written ?? Math.max(this.#last(), this.#synced);
  }

  get synced(): number {
    return this.#copy?.synced ?? this.#synced;
  }

  /** Bytes of its segments. */
  get bytes(): number {
    this.#look();
    return this.#segments.reduce((sum, { bytes }) => sum + bytes, this.#copy?.bytes ?? 0);
  }

  /** Writes a copy of an event. See `RunWriter`. @throws the system's error. */
  add(event: StoredEvent): boolean {
    return this.#copy?.add(event) ?? true;
  }

  /** Writes copies. See `RunWriter`. @throws the system's error. */
  write(): void {
    this.#copy?.write();
  }

  /** Syncs what is written, without blocking. If that fails, `written` goes back: continue after it. */
  sync(done: (error: unknown) => void): void {
    if (this.#copy === undefined) this.#sync.request(done);
    else this.#syncFolder((error) => (error === null ? this.#copy?.sync(done) : done(error)));
  }

  get isOwned(): boolean {
    try {
      this.#options.fs.facts(this.path);
      return true;
    } catch {
      return false;
    }
  }

  settle(through: number): void {
    this.#cursor.settle(through);
    this.#copy?.settle(through);
    this.#discard();
  }

  /** Closes the run, and removes it if everything that was written is settled. Never throws. */
  close(): void {
    const isSettled = this.#cursor.settled >= this.written;
    this.#isClosed = true;
    this.#copy?.rotate();
    this.#copy?.close();
    // During a sync, another file must not get the same file descriptor.
    if (!this.#sync.isRunning) for (const segment of this.#segments) this.#close(segment);
    this.#cursor.close();
    if (isSettled) this.#removeAll();
  }

  /** Removes also what an earlier worker has copied. */
  #removeAll(): void {
    const { fs } = this.#options;
    try {
      for (const { name } of segmentsOf(fs.list(this.path))) removed(fs, `${this.path}/${name}`);
    } catch {
      // Another process has adopted the folder.
    }
    removeRun(fs, this.path);
  }

  #startCopy(): void {
    const { fs, identity, wallTime, segmentBytes } = this.#options;
    const written = this.#synced;
    this.#copy = new RunWriter({
      ...{ fs, folder: this.path, identity, written, wallTime, segmentBytes },
      copy: FIRST_COPY,
    });
  }

  /** Finds main's new segments, and how large they are. Returns the system's error if that fails. */
  #look(): unknown {
    const { fs } = this.#options;
    try {
      for (const { name, first, copy } of segmentsOf(fs.list(this.path))) {
        const path = `${this.path}/${name}`;
        if (copy >= FIRST_COPY || this.#known.has(path)) continue;
        this.#known.add(path);
        // The one before it is complete.
        this.#measure();
        this.#segments.push({ path, first, file: undefined, isSynced: false, bytes: 0 });
        this.#isNamed = false;
      }
      this.#measure();
      return undefined;
    } catch (error) {
      return error;
    }
  }

  #measure(): void {
    const segment = this.#segments.at(-1);
    try {
      if (segment !== undefined) segment.bytes = this.#options.fs.facts(segment.path).size;
    } catch {
      // The run was adopted.
    }
  }

  #syncAll(done: (error: unknown) => void): void {
    this.#syncing = this.#last();
    const failure = this.#look();
    // If the folder isn't there, `isOwned` says so.
    if (failure !== undefined && codeOf(failure) !== 'ENOENT') {
      done(failure);
      return;
    }
    const newest = this.#segments.at(-1);
    const segments = this.#segments.filter(({ isSynced }) => !isSynced);
    const next = (error: unknown): void => {
      const segment = error == null ? segments.shift() : undefined;
      if (segment !== undefined) {
        this.#syncSegment(segment, (failure) => {
          segment.isSynced = failure == null && segment !== newest;
          next(failure);
        });
      } else if (error == null) this.#syncNames(done);
      else done(error);
    };
    if (this.#cursor.isDirty) this.#cursor.sync(() => next(undefined));
    else next(undefined);
  }

  #syncSegment(segment: Segment, done: (error: unknown) => void): void {
    const { fs } = this.#options;
    try {
      segment.file ??= fs.open(segment.path, 'r+');
    } catch (error) {
      // All of it was settled, and it was removed, or the run was adopted.
      done(codeOf(error) === 'ENOENT' ? undefined : error);
      return;
    }
    fs.sync(segment.file, done);
  }

  #syncNames(done: (error: unknown) => void): void {
    if (this.#isNamed) this.#syncFolder(done);
    else {
      // Before the sync, because a segment that is found during it resets this.
      this.#isNamed = true;
      this.#options.fs.syncFolder(this.path, (error) => {
        if (error === null) this.#syncFolder(done);
        else {
          this.#isNamed = false;
          done(codeOf(error) === 'ENOENT' ? undefined : error);
        }
      });
    }
  }

  #syncFolder(done: (error: Error | null) => void): void {
    if (this.#isFolderNamed) {
      done(null);
      return;
    }
    this.#options.fs.syncFolder(this.#options.directory, (error) => {
      this.#isFolderNamed = error === null;
      done(error);
    });
  }

  #endSync(error: unknown): void {
    if (error === undefined) this.#synced = Math.max(this.#synced, this.#syncing);
    else if (this.#copy === undefined) this.#startCopy();
    for (const segment of this.#segments)
      if (segment.isSynced || this.#isClosed || error !== undefined) this.#close(segment);
    this.#discard();
  }

  /** Removes the segments whose events are all settled, except for the one that main writes to. */
  #discard(): void {
    if (this.#sync.isRunning || this.#isClosed) return;
    const { settled } = this.#cursor;
    this.#segments = this.#segments.filter((segment, index) => {
      const next = this.#segments[index + 1];
      return next === undefined || next.first - 1 > settled || !this.#remove(segment);
    });
  }

  #remove(segment: Segment): boolean {
    this.#close(segment);
    if (!removed(this.#options.fs, segment.path)) return false;
    this.#known.delete(segment.path);
    return true;
  }

  #close(segment: Segment): void {
    const { file } = segment;
    segment.file = undefined;
    if (file !== undefined) this.#options.fs.close(file);
  }
}
