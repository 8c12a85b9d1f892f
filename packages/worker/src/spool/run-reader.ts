// A run's folder -> its events in order, each once. In: the folder, and how far it is settled. Out: records. Used by run.ts.
//
// Segments may overlap, see run-writer.ts: they are merged by sequence number, and of each event the first record that holds
// is taken. One or two segments are open at a time, whatever there is.
import { codeOf, type FileSystem } from './file-system.js';
import type { SpoolRecord } from './record.js';
import { type SegmentName, segmentsOf } from './run-folder.js';
import type { RunIdentity } from './segment.js';
import { SegmentReader } from './segment-reader.js';

/** A segment that holds no event behind `last`. */
export interface PassedSegment {
  readonly path: string;
  readonly last: number;
}

export class RunReader {
  readonly #fs: FileSystem;
  readonly #folder: string;
  #names: SegmentName[] = [];
  /** Names that are open, passed or left alone. */
  readonly #known = new Set<string>();
  #open: SegmentReader[] = [];
  #passed: PassedSegment[] = [];
  #head: { readonly record: SpoolRecord; readonly segment: SegmentReader } | undefined;
  /** Sequence number of the last event that was taken. */
  #position: number;
  /** Whether bytes were passed, since the last event, that are not records. */
  #isDamaged = false;
  #damaged = 0;
  /** Segments of a format that this version doesn't know, which are left alone, with the number of that format. */
  readonly foreign = new Map<string, number>();
  /** Segments that can't be opened or read, which are left alone, with the reason. */
  readonly unreadable = new Map<string, unknown>();
  /** As the first header that holds has it. */
  identity: RunIdentity | undefined;

  /** @param settled sequence number up to which events are passed over. */
  constructor(fs: FileSystem, folder: string, settled: number) {
    this.#fs = fs;
    this.#folder = folder;
    this.#position = settled;
  }

  /** Events that were damaged, as far as can be told from the sequence numbers around them. */
  get damaged(): number {
    return this.#damaged + this.#open.filter(({ tail }) => tail === 'damage').length;
  }

  /** Sequence number of the last event that was taken. */
  get position(): number {
    return this.#position;
  }

  /** Bytes of the segments that are open: those that have grown since the last look have more. */
  get openBytes(): number {
    return this.#open.reduce((sum, { size }) => sum + size, 0);
  }

  /** The next event, left where it is; undefined if there is none at present. */
  peek(): SpoolRecord | undefined {
    this.#head ??= this.#find();
    return this.#head?.record;
  }

  /** Takes the next event out. */
  shift(): SpoolRecord | undefined {
    const record = this.peek();
    if (this.#head === undefined || record === undefined) return undefined;
    if (this.#isDamaged) this.#damaged += record.sequence - this.#position - 1;
    this.#isDamaged = false;
    this.#head.segment.shift();
    this.#head = undefined;
    this.#position = record.sequence;
    return record;
  }

  /** Gives out the segments all of whose events are settled, once. */
  takePassed(settled: number): PassedSegment[] {
    const passed = this.#passed.filter(({ last }) => last <= settled);
    this.#passed = this.#passed.filter(({ last }) => last > settled);
    return passed;
  }

  /** Closes all files, and gives out the segments that were read to their end. */
  close(): PassedSegment[] {
    for (const segment of [...this.#open]) this.#pass(segment);
    return this.#passed;
  }

  #find(): { record: SpoolRecord; segment: SegmentReader } | undefined {
    for (;;) {
      const best = this.#best();
      const [next] = this.#names;
      if (next !== undefined && (best === undefined || next.first <= best.record.sequence)) {
        this.#names.shift();
        this.#openSegment(next.name);
        continue;
      }
      if (best !== undefined || !this.#list()) return best;
    }
  }

  /** The open segment that has the next event. */
  #best(): { record: SpoolRecord; segment: SegmentReader } | undefined {
    let best: { record: SpoolRecord; segment: SegmentReader } | undefined;
    for (const segment of [...this.#open]) {
      const record = this.#peek(segment);
      if (record !== undefined) {
        if (best === undefined || record.sequence < best.record.sequence) best = { record, segment };
      } else if (this.#names.length > 0) this.#pass(segment);
    }
    return best;
  }

  /** The segment's next record of an event that was not taken. */
  #peek(segment: SegmentReader): SpoolRecord | undefined {
    const { stretches } = segment;
    try {
      let record = segment.peek();
      while (record !== undefined && record.sequence <= this.#position) {
        segment.shift();
        record = segment.peek();
      }
      if (segment.stretches > stretches) this.#isDamaged = true;
      return record;
    } catch (error) {
      this.unreadable.set(segment.path, error);
      this.#isDamaged = true;
      this.#open = this.#open.filter((each) => each !== segment);
      segment.close();
      return undefined;
    }
  }

  #openSegment(name: string): void {
    const path = `${this.#folder}/${name}`;
    try {
      const segment = new SegmentReader(this.#fs, path);
      if (segment.header.type === 'foreign') {
        this.foreign.set(path, segment.header.format);
        segment.close();
        return;
      }
      if (segment.header.type === 'header') this.identity ??= segment.header.header;
      this.#open.push(segment);
    } catch (error) {
      // Removed, because all of it was settled.
      if (codeOf(error) === 'ENOENT') return;
      this.unreadable.set(path, error);
      this.#isDamaged = true;
    }
  }

  #pass(segment: SegmentReader): void {
    if (segment.tail !== 'nothing' || segment.header.type !== 'header') this.#isDamaged = true;
    this.#open = this.#open.filter((each) => each !== segment);
    this.#passed.push({ path: segment.path, last: this.#position });
    segment.close();
  }

  /** Looks for segments. Returns whether there are new ones. */
  #list(): boolean {
    let names: string[];
    try {
      names = this.#fs.list(this.#folder);
    } catch {
      return false;
    }
    this.#names = segmentsOf(names).filter(({ name }) => !this.#known.has(name));
    for (const { name } of this.#names) this.#known.add(name);
    return this.#names.length > 0;
  }
}
