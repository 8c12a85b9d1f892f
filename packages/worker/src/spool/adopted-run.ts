// A run that another process has left behind. In: its folder, claimed. Out: its events in order. Used by spool.ts. Next:
// run-reader.ts, cursor.ts.
import { CURSOR_FILE, Cursor } from './cursor.js';
import { codeOf, type FileSystem } from './file-system.js';
import { removeRun } from './own-run.js';
import type { SpoolRecord } from './record.js';
import { folderOf, type RunName, segmentsOf } from './run-folder.js';
import { type PassedSegment, RunReader } from './run-reader.js';
import type { RunIdentity } from './segment.js';

/**
 * Milliseconds for which a run must not have grown before its newest segment is removed. Its process may have been taken for
 * dead wrongly, and needs time to see that the folder is gone.
 */
const QUIET_MS = 60_000;

/** How many processes in a row may begin to send a run, without an event of it settled, before events go one by one. */
const MAX_STARTS = 2;

export class AdoptedRun {
  readonly name: RunName;
  readonly path: string;
  readonly #fs: FileSystem;
  readonly #cursor: Cursor;
  readonly #reader: RunReader;
  /** Segments that were read, and may not be removed yet. */
  #passed: PassedSegment[] = [];

  /** @param name with the holder that it has since it was claimed. */
  constructor(fs: FileSystem, directory: string, name: RunName) {
    this.name = name;
    this.path = `${directory}/${folderOf(name)}`;
    this.#fs = fs;
    this.#cursor = Cursor.open(fs, `${this.path}/${CURSOR_FILE}`);
    this.#reader = new RunReader(fs, this.path, this.#cursor.settled);
  }

  /** What its events have in common. Undefined until a header was read, or if none holds. */
  get identity(): RunIdentity | undefined {
    return this.#reader.identity ?? this.#cursor.identity;
  }

  /** Whether an event of it may be what ends the processes that send it: events then go one by one. */
  get isSuspect(): boolean {
    return this.#cursor.starts > MAX_STARTS;
  }

  get settled(): number {
    return this.#cursor.settled;
  }

  get damaged(): number {
    return this.#reader.damaged;
  }

  /** Segments that are left alone, with the reason. */
  get leftAlone(): ReadonlyMap<string, unknown> {
    return new Map<string, unknown>([...this.#reader.foreign, ...this.#reader.unreadable]);
  }

  /** This process begins to send it. */
  start(): void {
    this.#cursor.start();
  }

  /** The next event, left where it is. */
  peek(): SpoolRecord | undefined {
    return this.#reader.peek();
  }

  /** Takes the next event out. */
  shift(): SpoolRecord | undefined {
    return this.#reader.shift();
  }

  settle(through: number): void {
    this.#cursor.settle(through);
    this.#passed.push(...this.#reader.takePassed(through));
    this.#passed = this.#passed.filter(({ path }) => !this.#remove(path));
  }

  /** Lets go of it, to go on with it later or in another process. */
  close(): void {
    this.#reader.close();
    this.#cursor.close();
  }

  /**
   * Removes it if all of it is settled and it was not written to for a minute. Returns whether it is done with. Otherwise try
   * again later.
   */
  finish(): boolean {
    if (this.#reader.peek() !== undefined || this.#reader.position > this.#cursor.settled) return false;
    // A clock for both: that of the file system.
    this.#cursor.touch();
    let newest = 0;
    try {
      const segments = segmentsOf(this.#fs.list(this.path));
      for (const { name } of segments)
        newest = Math.max(newest, this.#fs.facts(`${this.path}/${name}`).mtimeMs);
      const now = this.#fs.facts(`${this.path}/${CURSOR_FILE}`).mtimeMs;
      if (segments.length > 0 && now - newest < QUIET_MS) return false;
    } catch {
      return false;
    }
    this.#passed.push(...this.#reader.close());
    this.#cursor.close();
    for (const { path } of this.#passed) this.#remove(path);
    // With the cursor the version that knows these segments goes on where an earlier one ended.
    if (this.leftAlone.size === 0) removeRun(this.#fs, this.path);
    return true;
  }

  #remove(path: string): boolean {
    if (this.#reader.unreadable.has(path)) return true;
    try {
      this.#fs.remove(path);
      return true;
    } catch (error) {
      return codeOf(error) === 'ENOENT';
    }
  }
}
