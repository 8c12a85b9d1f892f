// Reads the records of a segment file in order, in bounded memory, and skips damage. Used by run-reader.ts.
import { type FileSystem, readFully } from './file-system.js';
import {
  findRecord,
  MAX_PAYLOAD_BYTES,
  RECORD_HEADER_BYTES,
  readRecord,
  type SpoolRecord,
} from './record.js';
import { type HeaderResult, MAX_HEADER_BYTES, readHeader } from './segment.js';
import { WINDOW_BYTES, type Windows } from './windows.js';

/** Bytes to search at once after damage. Two records of any size fit. */
const SEARCH_BYTES = 4 * 1024 * 1024;

const MAX_RECORD_BYTES = RECORD_HEADER_BYTES + MAX_PAYLOAD_BYTES;

export class SegmentReader {
  readonly path: string;
  readonly header: HeaderResult;
  readonly #fs: FileSystem;
  readonly #file: number;
  readonly #windows: Windows;
  /** What was read of the file. It is part of `#memory`, unless that is undefined. */
  #window: Buffer = Buffer.alloc(0);
  #memory: Buffer | undefined;
  /** Sequence number of the last record that was found in the window. */
  #last = 0;
  /** Offset of the window in the file. */
  #start = 0;
  /** Offset at which the next record is expected. */
  #at: number;
  #head: SpoolRecord | undefined;
  /** Number of ranges, so far, that were skipped because they aren't records. */
  stretches = 0;
  /** What follows the last record. */
  tail: 'nothing' | 'damage' | 'torn' = 'nothing';

  /** @throws the system's error. */
  constructor(fs: FileSystem, path: string, windows: Windows) {
    this.path = path;
    this.#windows = windows;
    this.#fs = fs;
    this.#file = fs.open(path, 'r');
    try {
      const bytes = Buffer.alloc(MAX_HEADER_BYTES);
      this.header = readHeader(bytes.subarray(0, readFully(fs, this.#file, bytes, 0)));
    } catch (error) {
      fs.close(this.#file);
      throw error;
    }
    // If the header isn't valid, the search for records starts at the first byte.
    this.#at = this.header.type === 'header' ? this.header.header.length : 0;
  }

  /** Current size of the file in bytes. */
  get size(): number {
    return this.#fs.size(this.#file);
  }

  /** Returns the next record without taking it. If there was none before, the file may have grown since. */
  peek(): SpoolRecord | undefined {
    if (this.#head === undefined) {
      this.#head = this.#next();
      if (this.#head !== undefined) this.#last = Math.max(this.#last, this.#head.sequence);
    }
    return this.#head;
  }

  /** Moves past the record that `peek` returns. */
  shift(): void {
    if (this.#head === undefined) return;
    this.#at = this.#start + this.#head.end;
    this.#head = undefined;
  }

  close(): void {
    this.#head = undefined;
    this.#giveMemory();
    this.#window = Buffer.alloc(0);
    this.#fs.close(this.#file);
  }

  #next(): SpoolRecord | undefined {
    const inWindow = readRecord(this.#window, this.#at - this.#start, this.#window.length);
    if (inWindow !== undefined) return inWindow;
    this.#fill(WINDOW_BYTES);
    let found = readRecord(this.#window, 0, this.#window.length);
    if (found === undefined && this.#window.length >= RECORD_HEADER_BYTES) {
      const length = this.#window.readUInt32LE(4);
      if (length <= MAX_PAYLOAD_BYTES && length + RECORD_HEADER_BYTES > this.#window.length) {
        this.#fill(length + RECORD_HEADER_BYTES);
        found = readRecord(this.#window, 0, this.#window.length);
      }
    }
    if (found !== undefined) this.tail = 'nothing';
    return found ?? this.#search();
  }

  /** Moves the window to the expected start of the next record. */
  #fill(bytes: number): void {
    this.#giveMemory();
    const length = Math.max(0, Math.min(bytes, this.size - this.#at));
    // Not for the rest of a file, which is usually short.
    if (length === WINDOW_BYTES) this.#memory = this.#windows.take();
    const window = this.#memory?.subarray(0, length) ?? Buffer.allocUnsafe(length);
    this.#window = window.subarray(0, readFully(this.#fs, this.#file, window, this.#at));
    this.#start = this.#at;
  }

  #giveMemory(): void {
    if (this.#memory !== undefined) this.#windows.give(this.#memory, this.#last);
    this.#memory = undefined;
  }

  /** Finds the first record after damaged bytes. */
  #search(): SpoolRecord | undefined {
    const begin = this.#at;
    let { before, record } = findRecord(this.#window, 0, this.#window.length);
    for (let skipped = 0; record === undefined; skipped += SEARCH_BYTES - MAX_RECORD_BYTES) {
      this.#at = begin + skipped;
      this.#fill(SEARCH_BYTES);
      const found = findRecord(this.#window, 0, this.#window.length);
      record = found.record;
      // Only the first bytes, and what follows them, show whether a record is torn.
      if (skipped === 0) before = found.before;
      if (this.#window.length < SEARCH_BYTES) break;
    }
    if (record === undefined) {
      // Not skipped, because it may be a record that is being written right now.
      this.#at = begin;
      this.tail = this.size > begin ? before : 'nothing';
      this.#giveMemory();
      this.#window = Buffer.alloc(0);
      this.#start = begin;
      return undefined;
    }
    this.stretches++;
    this.tail = 'nothing';
    this.#at = this.#start + record.start - RECORD_HEADER_BYTES;
    return record;
  }
}
