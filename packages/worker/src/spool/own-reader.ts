// Finds a client's frames, on disk or in memory. Used by own-events.ts. Next: run-reader.ts.

import type { Redact } from '../batch/redact-event.js';
import { type RawFrame, textOf } from '../frame/frame.js';
import type { FrameDefaults } from '../protocol.js';
import type { FileSystem } from './file-system.js';
import type { FramesInMemory, OwnWriter } from './own-writer.js';
import { RunReader } from './run-reader.js';
import type { StoredFrame } from './stored-frame.js';

export interface OwnReaderOptions {
  readonly fs: FileSystem;
  readonly memory: FramesInMemory;
  readonly frameDefaults: FrameDefaults;
  readonly redact?: Redact | undefined;
}

export class OwnReader {
  readonly #options: OwnReaderOptions;
  readonly #writer: OwnWriter;
  #onDisk: RunReader | undefined;
  /** The folder that it reads. */
  #folder: string | undefined;
  /** The frames that are being read from memory, and the next sequence number. */
  #inMemory: { readonly frames: Iterator<readonly [number, RawFrame]>; next: number } | undefined;

  constructor(options: OwnReaderOptions, writer: OwnWriter) {
    this.#options = options;
    this.#writer = writer;
  }

  /** Returns frame `next`. If it can't be read, returns the first one after it that is found on disk, if there is one. */
  find(next: number): StoredFrame | undefined {
    // What is in memory needn't be read back, unless it would have to be redacted again.
    const isHere = next > this.#writer.stored && this.#options.redact === undefined;
    const inMemory = isHere ? this.#readMemory(next) : undefined;
    if (inMemory !== undefined) return inMemory;
    const isOnDisk = next <= (this.#writer.run?.written ?? 0);
    const onDisk = isOnDisk ? this.#readDisk(next) : undefined;
    return onDisk?.sequence === next ? onDisk : (this.#readMemory(next) ?? onDisk);
  }

  /** Nobody uses the frames up to `through` any more. */
  settle(through: number): void {
    this.#onDisk?.settle(through);
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
    if (next <= this.#writer.stored || this.#writer.oversize.has(next)) return undefined;
    const { memory: frames, redact, frameDefaults } = this.#options;
    if (this.#inMemory?.next !== next) this.#inMemory = { frames: frames.read(next), next };
    const found = this.#inMemory.frames.next();
    if (found.done || found.value[0] !== next) {
      this.#inMemory = undefined;
      return undefined;
    }
    this.#inMemory.next = next + 1;
    const [sequence, { kind, time, memory: shared, start, end }] = found.value;
    // A copy, because main may use the memory again when the event is on disk, even while it is being sent.
    const memory = Buffer.allocUnsafe(end - start);
    shared.copy(memory, 0, start, end);
    const text = textOf({ kind, time, memory, start: 0, end: end - start }, sequence, frameDefaults);
    return { sequence, time, text: redact === undefined ? text : redact(text) };
  }
}
