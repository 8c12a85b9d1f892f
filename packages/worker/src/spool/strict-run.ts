// The run of a client with `spool.strict`: main writes its segments, see strict-writer.ts, and this thread syncs and
// removes them. Used by own-writer.ts. Next: strict-segments.ts, run-writer.ts, cursor.ts.
//
//   following -> copying     a sync has failed
//
// Main writes an event before this thread sees it in memory, so what is in memory is written. While copying, this thread
// writes the events that aren't synced from memory to segments of its own, as it does without `strict`. It never goes
// back to following: a file whose sync has failed must not be trusted again, and main goes on writing to it. For the same
// reason, only the first run that is opened follows. A later one was opened after the death of a worker, which may have
// been the only one to know of a failed sync, or after another process has adopted the run, which main may not know yet.
import { CURSOR_FILE, Cursor } from './cursor.js';
import { codeOf, isReachable, removed } from './file-system.js';
import type { OwnRunOptions, Run } from './own-run.js';
import { createRun, removeRun } from './run-files.js';
import { folderOf, type RunName, segmentsOf } from './run-folder.js';
import { type FrameBytes, RunWriter } from './run-writer.js';
import { SharedSync } from './shared-sync.js';
import { FIRST_COPY, StrictSegments } from './strict-segments.js';

export class StrictRun implements Run {
  readonly name: RunName;
  readonly path: string;
  readonly #options: OwnRunOptions;
  readonly #cursor: Cursor;
  readonly #segments: StrictSegments;
  /** Returns the sequence number of the last event in memory. Main has written it. */
  readonly #last: () => number;
  /** Set while copying. */
  #copy: RunWriter | undefined;
  /** Whether the name of the folder is on disk. */
  #isNamed = false;
  /** While following: sequence numbers of the last event that is synced, and of the last one that the sync covers. */
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
   * @param isCopying whether an earlier run was opened for this client.
   * @throws the system's error.
   */
  constructor(options: OwnRunOptions, name: RunName, stored: number, last: () => number, isCopying = false) {
    const { fs, directory, identity, wallTime } = options;
    this.#options = options;
    this.#last = last;
    this.name = name;
    this.path = `${directory}/${folderOf(name)}`;
    this.#synced = stored;
    this.#segments = new StrictSegments(fs, this.path);
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
    return this.#segments.bytes + (this.#copy?.bytes ?? 0);
  }

  /** Writes a copy of an event. See `RunWriter`. @throws the system's error. */
  add(sequence: number, frame: FrameBytes): boolean {
    return this.#copy?.add(sequence, frame) ?? true;
  }

  /** Writes copies. See `RunWriter`. @throws the system's error. */
  write(): void {
    this.#copy?.write();
  }

  /** See `RunWriter`. */
  drop(): void {
    this.#copy?.drop();
  }

  /** Syncs what is written, without blocking. If that fails, `written` goes back: continue after it. */
  sync(done: (error: unknown) => void): void {
    if (this.#copy === undefined) this.#sync.request(done);
    else this.#syncName((error) => (error === null ? this.#copy?.sync(done) : done(error)));
  }

  get isOwned(): boolean {
    return isReachable(this.#options.fs, this.path);
  }

  /** Marks all events up to `through` as settled. The cursor is written with the next `save` or `sync`. */
  settle(through: number): void {
    this.#cursor.note(through);
    this.#copy?.settle(through);
    this.#discard();
  }

  save(): void {
    this.#cursor.save();
  }

  /** Closes the run, and removes it if everything that was written is settled. Never throws. */
  close(): void {
    const isSettled = this.#cursor.settled >= this.written;
    this.#isClosed = true;
    this.#copy?.rotate();
    this.#copy?.close();
    // During a sync, another file must not get the same file descriptor.
    if (!this.#sync.isRunning) this.#segments.close();
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

  #syncAll(done: (error: unknown) => void): void {
    // Before the segments are looked for: main has written these events.
    this.#syncing = this.#last();
    const begin = (): void => {
      this.#segments.sync((error) => {
        if (error === undefined) this.#syncName(done);
        else done(error);
      });
    };
    // If the cursor can't be synced, some events are sent twice, but none are lost.
    if (this.#cursor.isDirty) this.#cursor.sync(begin);
    else begin();
  }

  #syncName(done: (error: Error | null) => void): void {
    if (this.#isNamed) {
      done(null);
      return;
    }
    this.#options.fs.syncFolder(this.#options.directory, (error) => {
      this.#isNamed = error === null;
      done(error);
    });
  }

  #endSync(error: unknown): void {
    if (error === undefined) this.#synced = Math.max(this.#synced, this.#syncing);
    else if (this.#copy === undefined) this.#startCopy();
    if (this.#isClosed || error !== undefined) this.#segments.close();
    else this.#segments.closeSynced();
    this.#discard();
  }

  #discard(): void {
    if (!this.#sync.isRunning && !this.#isClosed) this.#segments.discard(this.#cursor.settled);
  }
}
