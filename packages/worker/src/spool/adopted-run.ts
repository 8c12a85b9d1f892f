// A run that another process has left: reads its events in order from the claimed folder. Used by adopted-events.ts.
// Next: run-reader.ts, cursor.ts.
import { MAX_BATCH_EVENTS } from '../limits.js';
import { CURSOR_FILE, Cursor } from './cursor.js';
import { type FileSystem, removed } from './file-system.js';
import type { SpoolRecord } from './record.js';
import { removeRun } from './run-files.js';
import { folderOf, type RunName, segmentsOf } from './run-folder.js';
import { type PassedSegment, RunReader } from './run-reader.js';
import type { RunIdentity } from './segment.js';

/**
 * Milliseconds without growth before the newest segment of a run is removed. The run's process may be alive after all,
 * and needs time to notice that its folder was taken.
 */
const QUIET_MS = 60_000;

/**
 * After this many processes in a row have ended during a request with events of the run, one of the events may be why.
 * They are then sent one by one.
 */
const MAX_STARTS = 2;

/** After this many more processes, the event that all of them sent by itself is given up. */
const MAX_ALONE = 3;

export class AdoptedRun {
  readonly name: RunName;
  readonly path: string;
  readonly #fs: FileSystem;
  #cursor: Cursor;
  #reader: RunReader;
  /** Whether its files are closed until they are needed. */
  #isResting = false;
  /** Segments that were read and can't be removed yet. */
  #passed: PassedSegment[] = [];
  /** The number of starts, see `CursorState`, that no request of this process counts towards. */
  #starts: number;
  /** Sequence number up to which events are sent one by one. */
  #aloneThrough = 0;

  /**
   * @param name the name of the run since it was claimed, with its new holder.
   * @param hasEnded whether the process that had it has ended by itself, perhaps during a request.
   */
  constructor(fs: FileSystem, directory: string, name: RunName, hasEnded = false) {
    this.name = name;
    this.path = `${directory}/${folderOf(name)}`;
    this.#fs = fs;
    this.#cursor = this.#openCursor();
    this.#reader = new RunReader(fs, this.path, this.#cursor.settled);
    if (hasEnded && this.#cursor.starts > 0) this.#cursor.starts--;
    this.#starts = this.#cursor.starts;
    // The event is in one of the batches that those processes have sent.
    if (this.#starts >= MAX_STARTS) this.#aloneThrough = this.#cursor.settled + MAX_BATCH_EVENTS;
  }

  /** What the run's events have in common. Undefined until a header was read, or if no header is valid. */
  get identity(): RunIdentity | undefined {
    return this.#reader.identity ?? this.#cursor.identity;
  }

  /** Whether an event of the run may be what ends the processes that send it. Events are then sent one by one. */
  get isSuspect(): boolean {
    return this.settled < this.#aloneThrough;
  }

  /** Whether the next event is what has ended the processes that sent it. */
  get isDeadly(): boolean {
    return this.#starts >= MAX_STARTS + MAX_ALONE;
  }

  get settled(): number {
    return this.#cursor.settled;
  }

  get damaged(): number {
    return this.#reader.damaged;
  }

  /** Segments that are left alone, each with the reason. */
  get leftAlone(): ReadonlyMap<string, unknown> {
    return new Map<string, unknown>([...this.#reader.foreign, ...this.#reader.unreadable]);
  }

  /** Records that a request with events of the run begins. */
  start(): void {
    this.#wake();
    this.#cursor.starts = this.#starts + 1;
  }

  /** Records that the request has ended, in whatever way. */
  endRequest(): void {
    this.#wake();
    this.#starts = this.isSuspect ? MAX_STARTS : 0;
    this.#cursor.starts = this.#starts;
  }

  /** Returns the next event without taking it. */
  peek(): SpoolRecord | undefined {
    this.#wake();
    return this.#reader.peek();
  }

  /** Takes the next event. */
  shift(): SpoolRecord | undefined {
    this.#wake();
    return this.#reader.shift();
  }

  settle(through: number): void {
    this.#wake();
    this.#starts = through < this.#aloneThrough ? MAX_STARTS : 0;
    this.#cursor.settle(through, this.#starts);
    this.#passed.push(...this.#reader.settle(through));
    this.#passed = this.#passed.filter(({ path }) => !this.#remove(path));
  }

  /**
   * Closes its files until they are needed, so that thousands of runs don't have thousands of files open. Every event that
   * was taken must be settled.
   */
  rest(): void {
    if (this.#isResting) return;
    this.#isResting = true;
    // Which segments were read doesn't matter: the next reader finds them again.
    this.#reader.close();
    this.#cursor.close();
  }

  /** Closes the run, so that this process or another one can continue with it later. */
  close(): void {
    if (this.#isResting) return;
    this.#reader.close();
    // A request that is aborted has ended no process.
    this.#cursor.starts = this.#starts;
    this.#cursor.close();
  }

  /**
   * Removes the run if all of it is settled and it hasn't been written to for a minute. Returns whether it is finished.
   * If it isn't, try again later.
   */
  finish(): boolean {
    this.#wake();
    if (this.#reader.peek() !== undefined || this.#reader.position > this.#cursor.settled) return false;
    // Compares two times of the same clock: that of the file system.
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
    // The cursor stays if segments are left alone: a version that can read them continues after the settled events.
    if (this.leftAlone.size === 0) removeRun(this.#fs, this.path);
    return true;
  }

  #wake(): void {
    if (!this.#isResting) return;
    this.#isResting = false;
    this.#cursor = this.#openCursor();
    this.#reader = new RunReader(this.#fs, this.path, this.#cursor.settled);
  }

  #openCursor(): Cursor {
    return Cursor.open(this.#fs, `${this.path}/${CURSOR_FILE}`);
  }

  #remove(path: string): boolean {
    return this.#reader.unreadable.has(path) || removed(this.#fs, path);
  }
}
