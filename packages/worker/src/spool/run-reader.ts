// Reads the unsettled events of a run from its folder, in order and each only once. Used by own-reader.ts and
// adopted-run.ts.
//
// Segments may overlap, see run-writer.ts. They are merged by sequence number, and the first valid record of each event
// is used. Only one or two segments are open at a time.
import { codeOf, type FileSystem } from './file-system.js';
import type { SpoolRecord } from './record.js';
import { type SegmentName, segmentsOf } from './run-folder.js';
import type { RunIdentity } from './segment.js';
import { SegmentReader } from './segment-reader.js';
import { Windows } from './windows.js';

/** A segment without events after `last`. */
export interface PassedSegment {
  readonly path: string;
  readonly last: number;
}

export class RunReader {
  readonly #fs: FileSystem;
  readonly #folder: string;
  #names: SegmentName[] = [];
  /** Names of segments that are open, passed or left alone. */
  readonly #known = new Set<string>();
  #open: SegmentReader[] = [];
  readonly #windows = new Windows();
  #passed: PassedSegment[] = [];
  #head: { readonly record: SpoolRecord; readonly segment: SegmentReader } | undefined;
  /** Sequence number of the last event that was taken. */
  #position: number;
  /** Whether bytes that aren't records were skipped since the last event. */
  #isDamaged = false;
  #damaged = 0;
  /** Segments in a format that this version doesn't know, which are left alone. Each with its format number. */
  readonly foreign = new Map<string, number>();
  /** Segments that can't be opened or read, which are left alone. Each with the reason. */
  readonly unreadable = new Map<string, unknown>();
  /** The identity in the first valid header. */
  identity: RunIdentity | undefined;

  /** @param settled sequence number up to which events are skipped. */
  constructor(fs: FileSystem, folder: string, settled: number) {
    this.#fs = fs;
    this.#folder = folder;
    this.#position = settled;
    this.#windows.settle(settled);
  }

  /** Number of damaged events, as far as the sequence numbers around them show it. */
  get damaged(): number {
    return this.#damaged + this.#open.filter(({ tail }) => tail === 'damage').length;
  }

  /** Sequence number of the last event that was taken. */
  get position(): number {
    return this.#position;
  }

  /** Returns the next event without taking it; undefined if there is none at the moment. */
  peek(): SpoolRecord | undefined {
    this.#head ??= this.#find();
    return this.#head?.record;
  }

  /** Takes the next event. */
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

  /** Nobody uses the events up to `through` any more. Returns each segment once, when all of its events are settled. */
  settle(settled: number): PassedSegment[] {
    this.#windows.settle(settled);
    const passed = this.#passed.filter(({ last }) => last <= settled);
    this.#passed = this.#passed.filter(({ last }) => last > settled);
    return passed;
  }

  /** Closes all files. Returns the segments that were read to the end. */
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

  /** Finds the open segment with the next event. */
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

  /** Returns the segment's next record of an event that hasn't been taken. */
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
      const segment = new SegmentReader(this.#fs, path, this.#windows);
      if (segment.header.type === 'foreign') {
        this.foreign.set(path, segment.header.format);
        segment.close();
        return;
      }
      if (segment.header.type === 'header') this.identity ??= segment.header.header;
      this.#open.push(segment);
    } catch (error) {
      // It was removed because all of it was settled.
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
