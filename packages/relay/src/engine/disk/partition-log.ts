// One partition of a source on disk: entries that wait, in order. Used by source-log.ts.
//
//   FIRST.COPY.segment   segments of the spool's format, see @offthread/worker's spool/segment.ts and record.ts
//   cursor               up to which entry all are removed
//   marks                which entries were about to be sent when a process died
import { Cursor } from '@offthread/worker/spool/cursor';
import type { FileSystem } from '@offthread/worker/spool/file-system';
import { RECORD_HEADER_BYTES, type SpoolRecord } from '@offthread/worker/spool/record';
import { segmentsOf } from '@offthread/worker/spool/run-folder';
import { RunReader } from '@offthread/worker/spool/run-reader';
import { SEGMENT_BYTES } from '@offthread/worker/spool/segment';
import type { Entry } from '../engine.js';
import { lengthsOf, type Payload, textsOf } from './entry.js';
import { Marks } from './marks.js';
import { PartitionWriter, settled } from './partition-writer.js';

/** About the events of one request to the API. */
const READ_BYTES = 500_000;

/** A segment that is this full is replaced when all of its entries are removed, so that it can be deleted. */
const REPLACED_BYTES = SEGMENT_BYTES / 8;

/** An entry in memory. */
interface Waiting {
  readonly sequence: number;
  readonly time: number;
  readonly texts: readonly string[];
  readonly bytes: number;
}

export class PartitionLog {
  readonly #fs: FileSystem;
  readonly #folder: string;
  readonly #cursor: Cursor;
  readonly #marks: Marks;
  readonly #writer: PartitionWriter;
  #reader: RunReader;
  /** The first entries that wait, in order. */
  #window: Waiting[] = [];
  /** Sequence number of the last committed entry. */
  #committed: number;
  #events = 0;
  #bytes = 0;
  /** What this round has written. */
  #round = { events: 0, bytes: 0 };
  /** Entries that couldn't be read, as far as they are known. */
  readonly damaged: number;
  /** Segments of another format, and those that couldn't be read, which are left alone. */
  readonly leftAlone: readonly string[];

  /**
   * Opens the partition in a folder that exists. Reads all that waits, once, to count it.
   *
   * @throws the system's error.
   */
  constructor(fs: FileSystem, folder: string, source: string) {
    this.#fs = fs;
    this.#folder = folder;
    this.#cursor = Cursor.open(fs, `${folder}/cursor`);
    if (this.#cursor.failure !== undefined) throw this.#cursor.failure;
    this.#marks = new Marks(fs, `${folder}/marks`);
    const reader = new RunReader(fs, folder, this.#cursor.settled);
    for (let record = reader.shift(); record !== undefined; record = reader.shift()) {
      const { lengths } = lengthsOf(payloadOf(record));
      this.#events += lengths.length;
      this.#bytes += sum(lengths);
    }
    this.damaged = reader.damaged;
    this.leftAlone = [...reader.foreign.keys(), ...reader.unreadable.keys()];
    this.#committed = this.leftAlone.length === 0 ? reader.position : afterAll(fs, folder, reader.position);
    reader.close();
    this.#reader = new RunReader(fs, folder, this.#cursor.settled);
    this.#writer = new PartitionWriter(fs, folder, source, this.#committed);
  }

  /** Events that wait. */
  get events(): number {
    return this.#events;
  }

  /** Bytes of these events. */
  get bytes(): number {
    return this.#bytes;
  }

  /** When the first of them was stored; undefined if nothing waits. */
  get oldest(): number | undefined {
    return this.#head(1)[0]?.time;
  }

  /** @throws the system's error. Then call `rollBack`. */
  write({ memory, events, bytes }: Payload, time: number): void {
    this.#round.events += events;
    this.#round.bytes += bytes;
    this.#writer.write(memory, time);
  }

  sync(): Promise<void> {
    return this.#writer.sync();
  }

  /** What was written can be read from now on. */
  commit(): void {
    this.#writer.commit();
    this.#finishRound();
  }

  rollBack(): void {
    // What can't be removed from the disk will be sent. Nobody was told that it was stored, so it is sent twice.
    if (!this.#writer.rollBack()) this.#finishRound();
    this.#round = { events: 0, bytes: 0 };
    // The old reader may have read what is now gone.
    const { position } = this.#reader;
    this.#reader.close();
    this.#reader = new RunReader(this.#fs, this.#folder, position);
  }

  /** Returns the first entries, or the first after `after`: at most `count`, about one request, but at least one. */
  read(after: string | undefined, count: number): Entry[] {
    const entries = after === undefined ? this.#head(count) : this.#readAfter(Number(after), count);
    return entries.map(({ sequence, time, texts }) => ({
      id: String(sequence),
      time,
      texts,
      marks: this.#marks.get(sequence),
    }));
  }

  /**
   * Removes entries. If they aren't the first ones, they may come back when the process ends. Ignores those that
   * `read` hasn't returned from the head.
   */
  remove(ids: readonly string[]): void {
    const removed = new Set(ids.map(Number));
    this.#window = this.#window.filter(({ sequence, texts, bytes }) => {
      if (!removed.has(sequence)) return true;
      this.#events -= texts.length;
      this.#bytes -= bytes;
      return false;
    });
    this.#marks.delete([...removed]);
    const [first] = this.#window;
    this.#cursor.settle(first === undefined ? this.#reader.position : first.sequence - 1);
    const { settled: through } = this.#cursor;
    if (through >= this.#writer.last && this.#writer.currentBytes >= REPLACED_BYTES) this.#writer.rotate();
    for (const { path } of this.#reader.settle(through)) {
      try {
        this.#fs.remove(path);
      } catch {
        // It is passed again, and removed, when the relay starts the next time.
      }
    }
  }

  mark(ids: readonly string[]): void {
    this.#marks.add(ids.map(Number));
  }

  unmark(ids: readonly string[]): void {
    this.#marks.delete(ids.map(Number));
  }

  /** Syncs which entries are removed, if that has changed. If it is lost, entries are sent again. */
  async syncCursor(): Promise<void> {
    if (this.#cursor.isDirty) await settled((done) => this.#cursor.sync(done));
  }

  close(): void {
    this.#writer.close();
    this.#reader.close();
    this.#cursor.close();
    this.#marks.close();
  }

  #finishRound(): void {
    this.#events += this.#round.events;
    this.#bytes += this.#round.bytes;
    this.#round = { events: 0, bytes: 0 };
    this.#committed = this.#writer.last;
  }

  /** Returns entries from the start of the window, and extends it if necessary. */
  #head(count: number): Waiting[] {
    let bytes = 0;
    let length = 0;
    for (; length < count && bytes < READ_BYTES; length++) {
      const next = this.#window[length] ?? this.#take();
      if (next === undefined || (length > 0 && bytes + next.bytes > READ_BYTES)) break;
      bytes += next.bytes;
    }
    return this.#window.slice(0, length);
  }

  /** Moves the next committed entry into the window. */
  #take(): Waiting | undefined {
    const next = take(this.#reader, this.#committed);
    if (next !== undefined) this.#window.push(next);
    return next;
  }

  #readAfter(after: number, count: number): Waiting[] {
    const reader = new RunReader(this.#fs, this.#folder, Math.max(after, this.#cursor.settled));
    try {
      const entries: Waiting[] = [];
      for (let bytes = 0; entries.length < count && bytes < READ_BYTES; ) {
        const next = take(reader, this.#committed);
        if (next === undefined) break;
        bytes += next.bytes;
        entries.push(next);
      }
      return entries;
    } finally {
      reader.close();
    }
  }
}

/** A sequence number that is in no segment, also if some can't be read. */
function afterAll(fs: FileSystem, folder: string, position: number): number {
  const last = segmentsOf(fs.list(folder)).at(-1)?.first ?? 0;
  return Math.max(position, last + Math.ceil(SEGMENT_BYTES / RECORD_HEADER_BYTES));
}

function take(reader: RunReader, committed: number): Waiting | undefined {
  const record = reader.peek();
  if (record === undefined || record.sequence > committed) return undefined;
  reader.shift();
  const payload = payloadOf(record);
  const { sequence, time } = record;
  return { sequence, time, texts: textsOf(payload), bytes: sum(lengthsOf(payload).lengths) };
}

function payloadOf({ memory, start, end }: SpoolRecord): Buffer {
  return memory.subarray(start, end);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
