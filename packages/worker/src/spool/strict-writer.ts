// Writes each event to the run while the caller waits, so that no accepted event is lost when the process ends. Runs on
// main, with `spool.strict`. Used by the SDK's client-spool.ts. Next: segment-file.ts. The worker reads, syncs and
// removes the segments, see strict-run.ts.
//
// The files are main's own. A dead worker's file descriptors are closed and their numbers are given to other files, so
// main must never write by a number that it got from the worker.
import { codeOf, type FileSystem } from './file-system.js';
import { MAX_PAYLOAD_BYTES, RECORD_HEADER_BYTES, sealRecord } from './record.js';
import { createRun } from './run-files.js';
import { folderOf } from './run-folder.js';
import { SETTLED_SHARE } from './run-writer.js';
import { type RunIdentity, SEGMENT_BYTES } from './segment.js';
import { SegmentFile } from './segment-file.js';
import type { SharedRunName } from './shared-run-name.js';

/**
 * Milliseconds between two checks that no other process has adopted the run. An adopter keeps reading for a minute after
 * the run last grew.
 */
const CHECK_MS = 1_000;

export interface StrictWriterOptions {
  readonly fs: FileSystem;
  /** The spool directory. */
  readonly directory: string;
  readonly name: SharedRunName;
  readonly identity: RunIdentity;
  readonly wallTime: () => number;
  readonly monotonicTime: () => number;
  /** Whether all events before this one are settled. A new segment then replaces one that has grown. */
  readonly isSettled: () => boolean;
  readonly segmentBytes?: number | undefined;
}

export class StrictWriter {
  readonly #options: StrictWriterOptions;
  readonly #segmentBytes: number;
  /** The folder of the run. Undefined until it is needed. */
  #folder: string | undefined;
  /** The number of the run, see `SharedRunName`. */
  #number = 0;
  #segment: SegmentFile | undefined;
  #checkedAt = Number.NEGATIVE_INFINITY;
  /** Time of the last event. */
  #lastTime = Number.NaN;
  #written = 0;

  constructor(options: StrictWriterOptions) {
    this.#options = options;
    this.#segmentBytes = options.segmentBytes ?? SEGMENT_BYTES;
  }

  /** Sequence number of the last event that was written. */
  get written(): number {
    return this.#written;
  }

  /**
   * Writes a frame: the bytes of `memory` from `start` to `end`, with their header before them. Turns it into a record in
   * place. Does nothing if it is written already, or too large for a segment, which the worker reports.
   *
   * @throws the system's error. Nothing of the event is then on disk.
   */
  write(sequence: number, time: number, memory: Buffer, start: number, end: number): void {
    if (sequence <= this.#written || end - start > MAX_PAYLOAD_BYTES) return;
    // Events of the same millisecond share a look at the clock.
    if (time !== this.#lastTime) this.#check();
    this.#lastTime = time;
    const at = start - RECORD_HEADER_BYTES;
    sealRecord(memory, at, end, sequence);
    const segment = this.#segmentFor(sequence, end - at);
    segment.makeRoom(end - at, this.#segmentBytes);
    try {
      segment.append(memory.subarray(at, end));
    } catch (error) {
      if (segment.isBroken) this.#endSegment();
      throw error;
    }
    this.#written = sequence;
  }

  /** Leaves the run to another process. The next event goes to a new one. */
  leave(): void {
    this.#options.name.leave(this.#number);
    this.#folder = undefined;
    this.#endSegment();
  }

  /** Closes the file. The next event goes to another one, in a folder that is created again if it was removed. */
  close(): void {
    this.#folder = undefined;
    this.#endSegment();
  }

  #segmentFor(sequence: number, bytes: number): SegmentFile {
    const segment = this.#segment;
    if (segment !== undefined) {
      const isOld = segment.end >= this.#segmentBytes * SETTLED_SHARE && this.#options.isSettled();
      if (!isOld && segment.end + bytes <= this.#segmentBytes) return segment;
    }
    const { fs, identity, wallTime } = this.#options;
    const next = new SegmentFile(fs, this.#openFolder(), { first: sequence }, identity, wallTime());
    this.#endSegment();
    this.#segment = next;
    return next;
  }

  #openFolder(): string {
    if (this.#folder !== undefined) return this.#folder;
    const { fs, directory, name, identity, wallTime } = this.#options;
    this.#number = name.number;
    const path = `${directory}/${folderOf(name.nameOf(this.#number))}`;
    try {
      createRun(fs, path, identity, wallTime()).close();
    } catch (error) {
      // The worker may have created it.
      if (codeOf(error) !== 'EEXIST') throw error;
    }
    this.#folder = path;
    return path;
  }

  /** Moves on to another run if this one is not there any more. */
  #check(): void {
    const { fs, name, monotonicTime } = this.#options;
    const now = monotonicTime();
    if (now - this.#checkedAt < CHECK_MS) return;
    if (this.#folder !== undefined && (name.number !== this.#number || !exists(fs, this.#folder)))
      this.leave();
    this.#checkedAt = now;
  }

  #endSegment(): void {
    this.#segment?.close();
    this.#segment = undefined;
  }
}

function exists(fs: FileSystem, path: string): boolean {
  try {
    fs.facts(path);
    return true;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false;
    throw error;
  }
}
