// The run that a client writes. In: events that are not on the disk yet. Out: what is stored, and what was read back. Used by
// spool.ts. Next: run-writer.ts, cursor.ts.
import { CURSOR_FILE, Cursor } from './cursor.js';
import type { FileSystem } from './file-system.js';
import { folderOf, newRun, type RunName } from './run-folder.js';
import { RunWriter, type StoredEvent } from './run-writer.js';
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
  /** Whether the names of the folder and of the cursor are on the disk. */
  #isNamed = false;

  private constructor(options: OwnRunOptions, name: RunName, cursor: Cursor, stored: number) {
    const { fs, directory, identity, wallTime, segmentBytes } = options;
    this.#options = options;
    this.name = name;
    this.path = `${directory}/${folderOf(name)}`;
    this.#cursor = cursor;
    this.#writer = new RunWriter(fs, this.path, identity, stored, wallTime, segmentBytes);
  }

  /**
   * Goes on with a run that an earlier worker of this process has begun, in a new segment.
   *
   * @param stored sequence number up to which no event need be stored.
   * @throws if its folder is not there.
   */
  static open(options: OwnRunOptions, name: RunName, stored: number): OwnRun {
    const { fs, directory } = options;
    const path = `${directory}/${folderOf(name)}`;
    fs.facts(path);
    return new OwnRun(options, name, Cursor.open(fs, `${path}/${CURSOR_FILE}`), stored);
  }

  /**
   * Makes the folder.
   *
   * @param stored sequence number up to which no event need be stored.
   * @throws what the system says. Nothing is then left of it.
   */
  static create(
    options: OwnRunOptions,
    stored: number,
    name: RunName = newRun(options.identity.source, options.holder, options.wallTime()),
  ): OwnRun {
    const { fs, directory, identity, wallTime } = options;
    const path = `${directory}/${folderOf(name)}`;
    fs.makeFolder(path);
    try {
      const cursor = Cursor.create(fs, `${path}/${CURSOR_FILE}`, identity, wallTime());
      return new OwnRun(options, name, cursor, stored);
    } catch (error) {
      fs.removeFolder(path);
      throw error;
    }
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

  /** As of `RunWriter`. @throws what the system says. */
  add(event: StoredEvent): boolean {
    return this.#writer.add(event);
  }

  /** As of `RunWriter`. @throws what the system says. */
  write(): void {
    this.#writer.write();
  }

  /** As of `RunWriter`. */
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

  /** Whether the folder is still this process's own: another one may have taken it for dead. */
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
    this.#writer.settle(through);
  }

  /** Lets go of it; removes it if all that was written is settled. Never throws. */
  close(): void {
    const { settled } = this.#cursor;
    this.#writer.rotate();
    if (settled >= this.#writer.written) this.#writer.settle(settled);
    this.#writer.close();
    this.#cursor.close();
    if (settled >= this.#writer.written && this.#writer.bytes === 0) removeRun(this.#options.fs, this.path);
  }

  #syncContent(done: (error: unknown) => void): void {
    // The cursor is worth no more than events that are sent twice.
    if (this.#cursor.isDirty) this.#cursor.sync(() => this.#writer.sync(done));
    else this.#writer.sync(done);
  }
}

/** Removes the folder of a run that has no segments. Never throws: what can't be removed is left to the next process. */
export function removeRun(fs: FileSystem, path: string): void {
  try {
    fs.remove(`${path}/${CURSOR_FILE}`);
  } catch {
    // There may be none.
  }
  try {
    fs.removeFolder(path);
  } catch {
    // Somebody has put something into it.
  }
}
