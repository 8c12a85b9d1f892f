// Appends entries to the segments of a partition. Used by partition-log.ts.
//
// Entries are written in rounds: `write` any number of entries, `sync`, then `commit`, or `rollBack` if one of these
// failed. A failed write or sync ends the segment: a system that couldn't write something may have dropped it and would
// report success for a second sync. What was committed before stays valid.
//
// A sequence number is used once, even if its entry was rolled back: a reader takes the first record of each number.
import { writeFrameHeader } from '@offthread/worker/frame/frame';
import { codeOf, type FileSystem, writeAll } from '@offthread/worker/spool/file-system';
import { RECORD_HEADER_BYTES, sealRecord } from '@offthread/worker/spool/record';
import { segmentName } from '@offthread/worker/spool/run-folder';
import { SEGMENT_BYTES, writeHeader } from '@offthread/worker/spool/segment';

interface Segment {
  readonly path: string;
  readonly file: number;
  /** End of what is written, and of what is committed. */
  end: number;
  committedEnd: number;
  /** Whether its name is on disk. */
  isNamed: boolean;
}

export class PartitionWriter {
  readonly #fs: FileSystem;
  readonly #folder: string;
  readonly #source: string;
  /** Segments that this round writes to, and the current one. */
  #open: Segment[] = [];
  #current: Segment | undefined;
  #last: number;

  /** @param last the highest sequence number that was ever used. */
  constructor(fs: FileSystem, folder: string, source: string, last: number) {
    this.#fs = fs;
    this.#folder = folder;
    this.#source = source;
    this.#last = last;
  }

  /** Sequence number of the last entry that was written. */
  get last(): number {
    return this.#last;
  }

  /**
   * Writes an entry.
   *
   * @throws the system's error.
   */
  write(payload: Buffer, time: number): void {
    const bytes = RECORD_HEADER_BYTES + payload.length;
    if (this.#current !== undefined && this.#current.end + bytes > SEGMENT_BYTES) this.#current = undefined;
    this.#last += 1;
    const sequence = this.#last;
    this.#current ??= this.#create(sequence, time);
    const record = Buffer.allocUnsafe(bytes);
    payload.copy(record, RECORD_HEADER_BYTES);
    writeFrameHeader(record, 0, { kind: 'whole', time }, payload.length);
    sealRecord(record, 0, bytes, sequence);
    const segment = this.#current;
    const { end } = segment;
    // Before the write, so that a part of the record is rolled back too.
    segment.end = end + bytes;
    writeAll(this.#fs, segment.file, record, end);
  }

  /** Resolves when all that was written survives a power loss. Rejects with the system's error. */
  async sync(): Promise<void> {
    for (const segment of this.#open) {
      if (segment.end === segment.committedEnd) continue;
      await settled((done) => this.#fs.sync(segment.file, done));
      if (segment.isNamed) continue;
      await settled((done) => this.#fs.syncFolder(this.#folder, done));
      segment.isNamed = true;
    }
  }

  commit(): void {
    for (const segment of this.#open) segment.committedEnd = segment.end;
    this.#closeOthers();
  }

  /** Removes what was written since the last commit. Returns false if a part of it may be left in a file. */
  rollBack(): boolean {
    let isRemoved = true;
    for (const segment of this.#open) {
      if (segment.end === segment.committedEnd) continue;
      try {
        this.#fs.truncate(segment.file, segment.committedEnd);
      } catch {
        isRemoved = false;
      }
    }
    this.#current = undefined;
    this.#closeOthers();
    return isRemoved;
  }

  /** Bytes of the current segment. */
  get currentBytes(): number {
    return this.#current?.end ?? 0;
  }

  /** Starts a new segment with the next entry. Call it only between rounds. */
  rotate(): void {
    this.#current = undefined;
    this.#closeOthers();
  }

  close(): void {
    this.rotate();
  }

  #create(first: number, time: number): Segment {
    const header = writeHeader({ source: this.#source, frameDefaults: { idPrefix: '', library: '' } }, time);
    const { path, file } = this.#openNew(first);
    try {
      writeAll(this.#fs, file, header, 0);
    } catch (error) {
      this.#fs.close(file);
      this.#fs.remove(path);
      throw error;
    }
    const segment = { path, file, end: header.length, committedEnd: header.length, isNamed: false };
    this.#open.push(segment);
    return segment;
  }

  /** The name may be taken by a segment of which nothing was committed. */
  #openNew(first: number): { readonly path: string; readonly file: number } {
    for (let copy = 0; ; copy++) {
      const path = `${this.#folder}/${segmentName(first, copy)}`;
      try {
        return { path, file: this.#fs.open(path, 'wx+') };
      } catch (error) {
        if (codeOf(error) !== 'EEXIST') throw error;
      }
    }
  }

  /** Closes all files but the current one. */
  #closeOthers(): void {
    for (const segment of this.#open) if (segment !== this.#current) this.#fs.close(segment.file);
    this.#open = this.#current === undefined ? [] : [this.#current];
  }
}

/** Turns a callback into a promise. */
export function settled(call: (done: (error: Error | null) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    call((error) => (error === null ? resolve() : reject(error)));
  });
}
