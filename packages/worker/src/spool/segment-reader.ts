// A segment file -> its records in order, in bounded memory, past damage. Used by run-reader.ts.
import { type FileSystem, readFully } from './file-system.js';
import {
  findRecord,
  MAX_PAYLOAD_BYTES,
  RECORD_HEADER_BYTES,
  readRecord,
  type SpoolRecord,
} from './record.js';
import { type HeaderResult, MAX_HEADER_BYTES, readHeader } from './segment.js';

/** Bytes that are read at once. Records of one window keep its memory until they are sent. */
const WINDOW_BYTES = 128 * 1024;

/** Bytes that are searched at once behind damage. Any record fits twice. */
const SEARCH_BYTES = 4 * 1024 * 1024;

const MAX_RECORD_BYTES = RECORD_HEADER_BYTES + MAX_PAYLOAD_BYTES;

export class SegmentReader {
  readonly path: string;
  readonly header: HeaderResult;
  readonly #fs: FileSystem;
  readonly #file: number;
  #window = Buffer.alloc(0);
  /** Where the window lies in the file. */
  #start = 0;
  /** Where the next record is looked for. */
  #at: number;
  #head: SpoolRecord | undefined;
  /** Stretches of bytes, passed so far, that are not records. */
  stretches = 0;
  /** What lies behind the last record. */
  tail: 'nothing' | 'damage' | 'torn' = 'nothing';

  /** @throws what the system says. */
  constructor(fs: FileSystem, path: string) {
    this.path = path;
    this.#fs = fs;
    this.#file = fs.open(path, 'r');
    try {
      const bytes = Buffer.alloc(MAX_HEADER_BYTES);
      this.header = readHeader(bytes.subarray(0, readFully(fs, this.#file, bytes, 0)));
    } catch (error) {
      fs.close(this.#file);
      throw error;
    }
    // Behind a header that doesn't hold, records are looked for from the first byte on.
    this.#at = this.header.type === 'header' ? this.header.header.length : 0;
  }

  /** Bytes of the file at present. */
  get size(): number {
    return this.#fs.size(this.#file);
  }

  /** The next record, left where it is. The file may have grown since there was none. */
  peek(): SpoolRecord | undefined {
    this.#head ??= this.#next();
    return this.#head;
  }

  /** Passes over the record that `peek` gives. */
  shift(): void {
    if (this.#head === undefined) return;
    this.#at = this.#start + this.#head.end;
    this.#head = undefined;
  }

  close(): void {
    this.#head = undefined;
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

  /** Puts the window where the next record is looked for. */
  #fill(bytes: number): void {
    const length = Math.max(0, Math.min(bytes, this.size - this.#at));
    const window = Buffer.allocUnsafe(length);
    this.#window = window.subarray(0, readFully(this.#fs, this.#file, window, this.#at));
    this.#start = this.#at;
  }

  /** The first record behind the bytes that don't hold. */
  #search(): SpoolRecord | undefined {
    const begin = this.#at;
    let { before, record } = findRecord(this.#window, 0, this.#window.length);
    for (let skipped = 0; record === undefined; skipped += SEARCH_BYTES - MAX_RECORD_BYTES) {
      this.#at = begin + skipped;
      this.#fill(SEARCH_BYTES);
      const found = findRecord(this.#window, 0, this.#window.length);
      record = found.record;
      // Whether a record was torn shows at its beginning, and in what follows it.
      if (skipped === 0) before = found.before;
      if (this.#window.length < SEARCH_BYTES) break;
    }
    if (record === undefined) {
      // Not passed over: it may be a record that is being written at this moment.
      this.#at = begin;
      this.tail = this.size > begin ? before : 'nothing';
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
