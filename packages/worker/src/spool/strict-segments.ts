// The segments that main writes with `spool.strict`: finds them in the folder of the run, syncs and removes them. Used by
// strict-run.ts.
import { codeOf, type FileSystem, removed } from './file-system.js';
import { segmentsOf } from './run-folder.js';

/** The worker's own copies have numbers from this on, so that they are never taken for segments of main. */
export const FIRST_COPY = 100_000;

/** A segment that main has created. */
interface Segment {
  readonly path: string;
  /** Sequence number of its first event. */
  readonly first: number;
  /** Kept open until it is synced, because a failure to write it is only reported to files that are open. */
  file: number | undefined;
  /** Whether it is complete and synced. */
  isSynced: boolean;
  bytes: number;
}

export class StrictSegments {
  readonly #fs: FileSystem;
  readonly #folder: string;
  /** Those that aren't removed, oldest first. Main writes to the last one. */
  #segments: Segment[] = [];
  /** Their paths. */
  readonly #known = new Set<string>();
  /** Whether the names of all of them are on disk. */
  #isNamed = false;

  constructor(fs: FileSystem, folder: string) {
    this.#fs = fs;
    this.#folder = folder;
  }

  get bytes(): number {
    this.#look();
    return this.#segments.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Syncs what main has written, and the names of the files. Calls `done` at the end, with the error if there is one. */
  sync(done: (error: unknown) => void): void {
    const failure = this.#look();
    // If the folder isn't there, another process has adopted the run, which the caller finds too.
    if (failure !== undefined && codeOf(failure) !== 'ENOENT') {
      done(failure);
      return;
    }
    const newest = this.#segments.at(-1);
    const segments = this.#segments.filter(({ isSynced }) => !isSynced);
    const next = (error: unknown): void => {
      const segment = error == null ? segments.shift() : undefined;
      if (segment !== undefined) {
        this.#syncSegment(segment, (failed) => {
          segment.isSynced = failed == null && segment !== newest;
          next(failed);
        });
      } else if (error == null) this.#syncNames(done);
      else done(error);
    };
    next(undefined);
  }

  /** Removes the segments whose events are all settled, except for the one that main writes to. Not during a sync. */
  discard(settled: number): void {
    this.#segments = this.#segments.filter((segment, index) => {
      const next = this.#segments[index + 1];
      if (next === undefined || next.first - 1 > settled) return true;
      this.#close(segment);
      if (!removed(this.#fs, segment.path)) return true;
      this.#known.delete(segment.path);
      return false;
    });
  }

  /** Closes the files that needn't be synced again. Not during a sync. */
  closeSynced(): void {
    for (const segment of this.#segments) if (segment.isSynced) this.#close(segment);
  }

  /** Closes all files. Not during a sync. */
  close(): void {
    for (const segment of this.#segments) this.#close(segment);
  }

  /** Finds new segments, and how large they are. Returns the system's error if that fails. */
  #look(): unknown {
    try {
      for (const { name, first, copy } of segmentsOf(this.#fs.list(this.#folder))) {
        const path = `${this.#folder}/${name}`;
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
      if (segment !== undefined) segment.bytes = this.#fs.facts(segment.path).size;
    } catch {
      // The run was adopted.
    }
  }

  #syncSegment(segment: Segment, done: (error: unknown) => void): void {
    try {
      segment.file ??= this.#fs.open(segment.path, 'r+');
    } catch (error) {
      // All of it was settled, and it was removed, or the run was adopted.
      done(codeOf(error) === 'ENOENT' ? undefined : error);
      return;
    }
    this.#fs.sync(segment.file, done);
  }

  #syncNames(done: (error: unknown) => void): void {
    if (this.#isNamed) {
      done(undefined);
      return;
    }
    // Before the sync, because a segment that is found during it resets this.
    this.#isNamed = true;
    this.#fs.syncFolder(this.#folder, (error) => {
      if (error !== null) this.#isNamed = false;
      done(error === null || codeOf(error) === 'ENOENT' ? undefined : error);
    });
  }

  #close(segment: Segment): void {
    const { file } = segment;
    segment.file = undefined;
    if (file !== undefined) this.#fs.close(file);
  }
}
