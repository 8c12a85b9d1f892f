// Finds a client's frames, on disk or in memory. Used by own-events.ts. Next: run-reader.ts.

import type { Redact } from '../batch/redact-event.js';
import { type Text, textOf } from '../frame/frame.js';
import type { FrameDefaults } from '../protocol.js';
import type { FileSystem } from './file-system.js';
import { FrameReader } from './frame-reader.js';
import type { OwnWriter } from './own-writer.js';
import { RunReader } from './run-reader.js';
import type { SlabFrames } from './slab-frames.js';
import type { StoredFrame } from './stored-frame.js';

export interface OwnReaderOptions {
  readonly fs: FileSystem;
  readonly memory: SlabFrames;
  readonly frameDefaults: FrameDefaults;
  readonly redact?: Redact | undefined;
}

/** A frame whose text may be moved. */
interface LentFrame extends StoredFrame {
  readonly text: { -readonly [Key in keyof Text]: Text[Key] };
}

export class OwnReader {
  readonly #options: OwnReaderOptions;
  readonly #writer: OwnWriter;
  #onDisk: RunReader | undefined;
  /** The folder that it reads. */
  #folder: string | undefined;
  readonly #inMemory: FrameReader;
  /** Frames that are read in place from memory and aren't settled, in order. */
  #lent: LentFrame[] = [];

  constructor(options: OwnReaderOptions, writer: OwnWriter) {
    this.#options = options;
    this.#writer = writer;
    this.#inMemory = new FrameReader(options.memory);
    options.memory.onRetire = (memory) => this.#copyFrom(memory);
  }

  /** Returns frame `next`. If it can't be read, returns the first one after it that is found on disk, if there is one. */
  find(next: number): StoredFrame | undefined {
    // What is in memory needn't be read back, unless it would have to be redacted again.
    const inMemory = this.#options.redact === undefined ? this.#readMemory(next) : undefined;
    if (inMemory !== undefined) return inMemory;
    const isOnDisk = next <= (this.#writer.run?.written ?? 0);
    const onDisk = isOnDisk ? this.#readDisk(next) : undefined;
    return onDisk?.sequence === next ? onDisk : (this.#readMemory(next) ?? onDisk);
  }

  /** Nobody uses the frames up to `through` any more. */
  settle(through: number): void {
    this.#onDisk?.settle(through);
    this.#lent = this.#lent.filter(({ sequence }) => sequence > through);
  }

  close(): void {
    this.#onDisk?.close();
    this.#onDisk = undefined;
  }

  #readDisk(next: number): StoredFrame | undefined {
    const { run } = this.#writer;
    if (run === undefined) return undefined;
    if (this.#folder !== run.path) this.close();
    this.#folder = run.path;
    const { fs, frameDefaults } = this.#options;
    this.#onDisk ??= new RunReader(fs, run.path, next - 1);
    // Skips what was read from memory.
    while ((this.#onDisk.peek()?.sequence ?? next) < next) this.#onDisk.shift();
    const record = this.#onDisk.peek();
    if (record === undefined) return undefined;
    // The reader moves past it only when it is taken, because it may be requested again.
    const { sequence, time } = record;
    return { sequence, time, text: textOf(record, sequence, frameDefaults) };
  }

  #readMemory(next: number): StoredFrame | undefined {
    if (next < this.#options.memory.first || this.#writer.oversize.has(next)) return undefined;
    const { redact, frameDefaults } = this.#options;
    const raw = this.#inMemory.read(next);
    const { sequence } = this.#inMemory;
    if (raw === undefined || sequence !== next) return undefined;
    const text = textOf(raw, sequence, frameDefaults);
    const frame = { sequence, time: raw.time, text: redact === undefined ? text : redact(text) };
    if (frame.text.memory === raw.memory) this.#lent.push(frame);
    return frame;
  }

  /** Copies the frames that are read in place from this memory, because main will use it again. */
  #copyFrom(memory: Buffer): void {
    for (const { text } of this.#lent) {
      if (text.memory !== memory) continue;
      text.memory = Buffer.from(memory.subarray(text.start, text.end));
      text.start = 0;
      text.end = text.memory.length;
    }
  }
}
