// The run that a client writes: its segments and its cursor. Used by own-events.ts. Next: run-writer.ts, cursor.ts. With
// `spool.strict`, strict-run.ts takes its place.
import { CURSOR_FILE, Cursor } from './cursor.js';
import { codeOf, type FileSystem, isReachable } from './file-system.js';
import { createRun, removeRun } from './run-files.js';
import { folderOf, newRun, type RunName } from './run-folder.js';
import { type FrameBytes, RunWriter } from './run-writer.js';
import type { RunIdentity } from './segment.js';

export interface OwnRunOptions {
  readonly fs: FileSystem;
  /** The spool directory. */
  readonly directory: string;
  readonly holder: string;
  readonly identity: RunIdentity;
  /** Milliseconds since 1970. */
  readonly wallTime: () => number;
  readonly segmentBytes?: number | undefined;
}

export class OwnRun {
  readonly #options: OwnRunOptions;
  readonly name: RunName;
  readonly path: string;
  readonly #cursor: Cursor;
  readonly #writer: RunWriter;
  /** Whether the names of the folder and of the cursor are on disk. */
  #isNamed = false;

  private constructor(options: OwnRunOptions, name: RunName, cursor: Cursor, stored: number) {
    const { fs, directory, identity, wallTime, segmentBytes } = options;
    this.#options = options;
    this.name = name;
    this.path = `${directory}/${folderOf(name)}`;
    this.#cursor = cursor;
    this.#writer = new RunWriter({
      fs,
      folder: this.path,
      identity,
      written: stored,
      wallTime,
      segmentBytes,
    });
  }

  /**
   * Continues the run that an earlier worker of this process has created, in a new segment, or creates it.
   *
   * @param stored sequence number up to which no event needs to be stored.
   * @throws the system's error.
   */
  static openOrCreate(options: OwnRunOptions, name: RunName, stored: number): OwnRun {
    try {
      return OwnRun.#open(options, name, stored);
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error;
      return OwnRun.create(options, stored, name);
    }
  }

  static #open(options: OwnRunOptions, name: RunName, stored: number): OwnRun {
    const { fs, directory } = options;
    const path = `${directory}/${folderOf(name)}`;
    fs.facts(path);
    return new OwnRun(options, name, Cursor.open(fs, `${path}/${CURSOR_FILE}`), stored);
  }

  /**
   * Creates the folder.
   *
   * @param stored sequence number up to which no event needs to be stored.
   * @throws the system's error. In that case nothing is left of the folder.
   */
  static create(
    options: OwnRunOptions,
    stored: number,
    name: RunName = newRun(options.identity.source, options.holder, options.wallTime()),
  ): OwnRun {
    const { fs, directory, identity, wallTime } = options;
    const cursor = createRun(fs, `${directory}/${folderOf(name)}`, identity, wallTime());
    return new OwnRun(options, name, cursor, stored);
  }

  get written(): number {
    return this.#writer.written;
  }

  get synced(): number {
    return this.#writer.synced;
  }

  /** Bytes of its segments. */
  get bytes(): number {
    return this.#writer.bytes;
  }

  /** See `RunWriter`. @throws the system's error. */
  add(sequence: number, frame: FrameBytes): boolean {
    return this.#writer.add(sequence, frame);
  }

  /** See `RunWriter`. @throws the system's error. */
  write(): void {
    this.#writer.write();
  }

  /** See `RunWriter`. */
  drop(): void {
    this.#writer.drop();
  }

  /** See `RunWriter`. */
  sync(done: (error: unknown) => void): void {
    const { fs, directory } = this.#options;
    if (this.#isNamed) {
      this.#syncContent(done);
      return;
    }
    fs.syncFolder(directory, (error) => {
      if (error === null) {
        this.#isNamed = true;
        this.#syncContent(done);
      } else done(error);
    });
  }

  /** Whether the folder still belongs to this process. Another process may have taken it for dead. */
  get isOwned(): boolean {
    return isReachable(this.#options.fs, this.path);
  }

  /** Marks all events up to `through` as settled. The cursor is written with the next `save` or `sync`. */
  settle(through: number): void {
    this.#cursor.note(through);
    this.#writer.settle(through);
  }

  save(): void {
    this.#cursor.save();
  }

  /** Closes the run, and removes it if everything that was written is settled. Never throws. */
  close(): void {
    const { settled } = this.#cursor;
    this.#writer.rotate();
    if (settled >= this.#writer.written) this.#writer.settle(settled);
    this.#writer.close();
    this.#cursor.close();
    if (settled >= this.#writer.written && this.#writer.bytes === 0) removeRun(this.#options.fs, this.path);
  }

  #syncContent(done: (error: unknown) => void): void {
    // If the cursor can't be synced, some events are sent twice, but none are lost.
    if (this.#cursor.isDirty) this.#cursor.sync(() => this.#writer.sync(done));
    else this.#writer.sync(done);
  }
}

/** A run that this process writes. */
export type Run = Pick<OwnRun, keyof OwnRun>;
