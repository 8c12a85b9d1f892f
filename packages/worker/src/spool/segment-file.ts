// A segment file that this process writes: its header, then whole records. Used by run-writer.ts, and on main by
// strict-writer.ts.
//
// Room for more records can be written ahead, as zeros, because a write that makes a file longer takes a third more time.
// It is cut off when the file is closed. After SIGKILL it stays, and a reader takes it for the end.
//
// A failed write is undone by truncating the file, which works on a full disk. If that fails too, the file is broken:
// nothing may be appended to it again.
import { codeOf, type FileSystem, writeAll } from './file-system.js';
import { segmentName } from './run-folder.js';
import { type RunIdentity, writeHeader } from './segment.js';

/**
 * Bytes of room that are written at once. More would take longer for each event: Linux keeps what is written at once in
 * one piece of memory, and looks through all of it with each write.
 */
const ROOM_BYTES = 32 * 1024;

const ZEROS = new Uint8Array(ROOM_BYTES);

export class SegmentFile {
  readonly path: string;
  /** Sequence number of its first record. */
  readonly first: number;
  readonly #fs: FileSystem;
  #file: number | undefined;
  #end: number;
  /** Up to where zeros are written. */
  #roomEnd = 0;
  #isBroken = false;

  /**
   * Creates the file.
   *
   * @param copy number that tells it from other segments that start with the same event. If there is one with this
   * number, the next free one is taken.
   * @throws the system's error. In that case nothing is left of the file.
   */
  constructor(
    fs: FileSystem,
    folder: string,
    { first, copy = 0 }: { first: number; copy?: number | undefined },
    identity: RunIdentity,
    time: number,
  ) {
    const { file, path } = openNew(fs, folder, first, copy);
    const header = writeHeader(identity, time);
    try {
      writeAll(fs, file, header, 0);
    } catch (error) {
      fs.close(file);
      fs.remove(path);
      throw error;
    }
    this.#fs = fs;
    this.#file = file;
    this.#end = header.length;
    this.path = path;
    this.first = first;
  }

  /** End of its last record. */
  get end(): number {
    return this.#end;
  }

  get isBroken(): boolean {
    return this.#isBroken;
  }

  /**
   * Appends whole records.
   *
   * @throws the system's error. None of the records are then in the file.
   */
  append(bytes: Uint8Array): void {
    const file = this.#file;
    if (file === undefined || this.#isBroken) throw new Error('The segment is closed');
    try {
      writeAll(this.#fs, file, bytes, this.#end);
    } catch (error) {
      try {
        this.#fs.truncate(file, this.#end);
        this.#roomEnd = 0;
      } catch {
        this.#isBroken = true;
      }
      throw error;
    }
    this.#end += bytes.length;
  }

  /** Makes room for `bytes` more bytes, and for others. Not beyond `limit`. Never throws: it is only faster. */
  makeRoom(bytes: number, limit: number): void {
    const end = this.#end + bytes;
    if (end <= this.#roomEnd || bytes > ROOM_BYTES) return;
    const from = Math.max(this.#end, this.#roomEnd);
    const to = Math.min(Math.ceil(end / ROOM_BYTES) * ROOM_BYTES, from + ROOM_BYTES, limit);
    if (this.#file === undefined || from >= to) return;
    try {
      this.#roomEnd = from + this.#fs.write(this.#file, ZEROS.subarray(0, to - from), from);
    } catch {
      // The disk may be full, with room for this record.
    }
  }

  /** Syncs the content, without blocking. Does nothing if the file is closed. */
  sync(done: (error: Error | null) => void): void {
    if (this.#file === undefined) done(null);
    else this.#fs.sync(this.#file, done);
  }

  close(): void {
    const file = this.#file;
    this.#file = undefined;
    if (file === undefined) return;
    try {
      if (this.#roomEnd > this.#end) this.#fs.truncate(file, this.#end);
    } catch {
      // A reader takes it for the end.
    }
    this.#fs.close(file);
  }
}

/** An earlier worker or a failed write may have left a segment that starts with the same event. */
function openNew(
  fs: FileSystem,
  folder: string,
  first: number,
  firstCopy: number,
): { readonly file: number; readonly path: string } {
  for (let copy = firstCopy; ; copy++) {
    const path = `${folder}/${segmentName(first, copy)}`;
    try {
      return { file: fs.open(path, 'wx+'), path };
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error;
    }
  }
}
