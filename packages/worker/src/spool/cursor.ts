// Stores how far a run is settled, in a file next to its segments. Used by own-run.ts and adopted-run.ts.
//
// The file has two slots, each in its own block. They are overwritten in turn, so a torn write leaves one of them
// intact. The file has its full size from the start, so a full disk doesn't stop it. After the slots comes a copy of
// the header that all segments of the run start with, in case theirs is damaged.
//
//   0: slot, 4096: slot, 8192: header of a segment
//
//   | uint32 CRC-32 of the rest | uint32 starts | uint64 generation | uint64 settled |
//
// The valid slot with the higher generation counts. If neither is valid, nothing counts as settled: it is better to
// send events twice than never.
import { crc32 } from './crc32.js';
import { codeOf, type FileSystem, readFully, writeAll } from './file-system.js';
import { type RunIdentity, readHeader, writeHeader } from './segment.js';

export const CURSOR_FILE = 'cursor';

const BLOCK_BYTES = 4096;
const SLOT_BYTES = 24;
const CURSOR_BYTES = 3 * BLOCK_BYTES;

export interface CursorState {
  readonly generation: number;
  /** Sequence number up to which all events are settled. */
  readonly settled: number;
  /** Number of processes in a row that have begun a request with events of the run, and not seen it end. */
  readonly starts: number;
}

const NEW: CursorState = { generation: 0, settled: 0, starts: 0 };

export function writeSlot({ generation, settled, starts }: CursorState): Buffer {
  const slot = Buffer.alloc(SLOT_BYTES);
  slot.writeUInt32LE(starts, 4);
  slot.writeBigUInt64LE(BigInt(generation), 8);
  slot.writeBigUInt64LE(BigInt(settled), 16);
  slot.writeUInt32LE(crc32(slot.subarray(4)), 0);
  return slot;
}

/** Parses the content of a cursor file. */
export function readCursor(bytes: Buffer): CursorState {
  let best = NEW;
  for (const at of [0, BLOCK_BYTES]) {
    const slot = bytes.subarray(at, at + SLOT_BYTES);
    if (slot.length < SLOT_BYTES || crc32(slot.subarray(4)) !== slot.readUInt32LE(0)) continue;
    const generation = Number(slot.readBigUInt64LE(8));
    if (generation > best.generation)
      best = { generation, settled: Number(slot.readBigUInt64LE(16)), starts: slot.readUInt32LE(4) };
  }
  return best;
}

/** An open cursor file. */
export class Cursor {
  readonly #fs: FileSystem;
  readonly #file: number | undefined;
  #state: CursorState;
  /** The run's identity, if the file had it. */
  readonly identity: RunIdentity | undefined;
  /** Whether the file was written since the last sync. */
  #isWritten = false;
  /** Whether there is a state to `save`. */
  #isUnsaved = false;
  /** The error of the last write, if it failed. Some events may then be sent twice. */
  failure: unknown;

  private constructor(
    fs: FileSystem,
    file: number | undefined,
    state: CursorState,
    identity?: RunIdentity | undefined,
  ) {
    this.#fs = fs;
    this.#file = file;
    this.#state = state;
    this.identity = identity;
  }

  /**
   * Creates the file.
   *
   * @throws the system's error.
   */
  static create(fs: FileSystem, path: string, identity: RunIdentity, time: number): Cursor {
    const file = fs.open(path, 'wx+');
    try {
      const bytes = Buffer.alloc(CURSOR_BYTES);
      writeHeader(identity, time).copy(bytes, 2 * BLOCK_BYTES);
      writeAll(fs, file, bytes, 0);
    } catch (error) {
      fs.close(file);
      fs.remove(path);
      throw error;
    }
    const cursor = new Cursor(fs, file, NEW, identity);
    cursor.#isWritten = true;
    return cursor;
  }

  /** Opens a file. If it is missing or damaged, nothing counts as settled. */
  static open(fs: FileSystem, path: string): Cursor {
    let file: number | undefined;
    const bytes = Buffer.alloc(CURSOR_BYTES);
    let failure: unknown;
    try {
      file = openOrMake(fs, path);
      readFully(fs, file, bytes, 0);
    } catch (error) {
      failure = error;
    }
    const found = readHeader(bytes.subarray(2 * BLOCK_BYTES));
    const cursor = new Cursor(
      fs,
      file,
      readCursor(bytes),
      found.type === 'header' ? found.header : undefined,
    );
    cursor.failure = failure;
    return cursor;
  }

  get settled(): number {
    return this.#state.settled;
  }

  get starts(): number {
    return this.#state.starts;
  }

  set starts(starts: number) {
    if (starts !== this.#state.starts) this.#write({ ...this.#state, starts });
  }

  /** @param starts the new number, see `CursorState`. */
  settle(through: number, starts = 0): void {
    if (through > this.#state.settled) this.#write({ ...this.#state, settled: through, starts });
  }

  /** Like `settle`, but writes nothing until `save` is called. */
  note(through: number): void {
    if (through <= this.#state.settled) return;
    this.#state = { ...this.#state, settled: through, starts: 0 };
    this.#isUnsaved = true;
  }

  /** Whether the last state was not synced. */
  get isDirty(): boolean {
    return this.#isUnsaved || this.#isWritten;
  }

  save(): void {
    if (this.#isUnsaved) this.#write(this.#state);
  }

  /** Makes the file system set the file's time to the current one. */
  touch(): void {
    this.#write(this.#state);
  }

  sync(done: (error: Error | null) => void): void {
    this.save();
    this.#isWritten = false;
    if (this.#file === undefined) done(null);
    else this.#fs.sync(this.#file, done);
  }

  close(): void {
    this.save();
    if (this.#file !== undefined) this.#fs.close(this.#file);
  }

  /** Never throws. The only effect of a missing cursor is that events are sent twice. */
  #write(state: Omit<CursorState, 'generation'>): void {
    this.#isUnsaved = false;
    const generation = this.#state.generation + 1;
    this.#state = { ...state, generation };
    if (this.#file === undefined) return;
    try {
      writeAll(this.#fs, this.#file, writeSlot(this.#state), (generation % 2) * BLOCK_BYTES);
      this.#isWritten = true;
      this.failure = undefined;
    } catch (error) {
      this.failure = error;
    }
  }
}

function openOrMake(fs: FileSystem, path: string): number {
  try {
    return fs.open(path, 'r+');
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
    const file = fs.open(path, 'wx+');
    writeAll(fs, file, Buffer.alloc(CURSOR_BYTES), 0);
    return file;
  }
}
