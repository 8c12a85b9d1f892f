// The format of one event on disk. Also finds the next valid record after damage. Pure. Used by run-writer.ts and
// segment-reader.ts.
//
// Little-endian, like a frame in memory (see protocol.ts):
//
//   | uint32 CRC-32 | uint32 length | uint64 sequence | float64 time | uint32 kind | payload |
//
// The CRC covers everything after it. `length` is that of the payload and is never 0. Otherwise a range of zeros, which
// a file system may leave behind, would be a valid record, because the CRC of nothing is 0.

import { FRAME, FRAME_HEADER_BYTES, KIND, type Kind } from '../protocol.js';
import { crc32 } from './crc32.js';

/** Bytes before each payload. */
export const RECORD_HEADER_BYTES = FRAME_HEADER_BYTES;

/** Where the two halves of the sequence number are. The other fields are those of a frame. */
const SEQUENCE = { LOW: 8, HIGH: 12 } as const;

/** The bytes of a record that the CRC covers begin here. */
const CRC_END = 4;

/**
 * Largest payload. An event that can be sent has at most 32 KB. JSON text escapes bytes below 0x20, and the highest
 * byte of a length is 0, so no payload contains bytes that look like a record.
 */
export const MAX_PAYLOAD_BYTES = 1024 * 1024;

/** Above 2 ** 53, JavaScript can't represent every integer. */
const MAX_HIGH_WORD = 2 ** 21;

const KINDS = Object.keys(KIND) as Kind[];

/** A record, in place. */
export interface SpoolRecord {
  readonly sequence: number;
  /** When the event was accepted, in milliseconds since 1970. */
  readonly time: number;
  readonly kind: Kind;
  /** Contains the payload from `start` to `end`. The next record starts at `end`. */
  readonly memory: Buffer;
  readonly start: number;
  readonly end: number;
}

/** Turns a frame into a record, in place: adds its sequence number and the CRC. */
export function sealRecord(memory: Buffer, at: number, end: number, sequence: number): void {
  memory.writeUInt32LE(sequence % 2 ** 32, at + SEQUENCE.LOW);
  memory.writeUInt32LE(Math.floor(sequence / 2 ** 32), at + SEQUENCE.HIGH);
  memory.writeUInt32LE(crc32(memory.subarray(at + CRC_END, end)), at);
}

/** Returns the record at `at`, or undefined if no valid one ends by `limit`. */
export function readRecord(memory: Buffer, at: number, limit: number): SpoolRecord | undefined {
  const start = at + RECORD_HEADER_BYTES;
  if (start >= limit) return undefined;
  const length = memory.readUInt32LE(at + FRAME.LENGTH);
  // The cheap checks come first, because a search for the next record runs them at every byte.
  if (length === 0 || length > MAX_PAYLOAD_BYTES || start + length > limit) return undefined;
  const kind = KINDS[memory.readUInt32LE(at + FRAME.KIND)];
  const high = memory.readUInt32LE(at + SEQUENCE.HIGH);
  if (kind === undefined || high >= MAX_HIGH_WORD) return undefined;
  const end = start + length;
  if (crc32(memory.subarray(at + CRC_END, end)) !== memory.readUInt32LE(at)) return undefined;
  const sequence = high * 2 ** 32 + memory.readUInt32LE(at + SEQUENCE.LOW);
  return { sequence, time: memory.readDoubleLE(at + FRAME.TIME), kind, memory, start, end };
}

/** What comes next in a segment. */
export interface Found {
  readonly record: SpoolRecord | undefined;
  /**
   * What precedes the record, or `limit` if there is none: nothing; bytes that aren't a record; or a record whose write
   * was interrupted when the process ended, or is in progress.
   */
  readonly before: 'nothing' | 'damage' | 'torn';
}

/** Finds the first valid record from `at` on. */
export function findRecord(memory: Buffer, at: number, limit: number): Found {
  const record = readRecord(memory, at, limit);
  if (record !== undefined || at >= limit) return { record, before: 'nothing' };
  for (let next = at + 1; next + RECORD_HEADER_BYTES < limit; next++) {
    // Usually zeros, from a part of a block that was never written. The length of a record is never zero.
    const length = next + FRAME.LENGTH;
    if (memory[length] === 0 && isZero(memory, length)) continue;
    const found = readRecord(memory, next, limit);
    if (found !== undefined) return { record: found, before: 'damage' };
  }
  return { record: undefined, before: isTorn(memory, at, limit) ? 'torn' : 'damage' };
}

function isZero(memory: Buffer, at: number): boolean {
  return memory[at + 1] === 0 && memory[at + 2] === 0 && memory[at + 3] === 0;
}

/**
 * Whether the bytes up to `limit` are what an interrupted write leaves: the start of a record, or zeros, or both. The last
 * byte of a record is never zero.
 */
function isTorn(memory: Buffer, at: number, limit: number): boolean {
  if (limit - at < RECORD_HEADER_BYTES) return true;
  const length = memory.readUInt32LE(at + FRAME.LENGTH);
  if (length === 0) return areZeros(memory, at + FRAME.LENGTH, limit);
  if (length > MAX_PAYLOAD_BYTES || memory.readUInt32LE(at + FRAME.KIND) >= KINDS.length) return false;
  const end = at + RECORD_HEADER_BYTES + length;
  // A file that ends with the record has no zeros that were written ahead, so its bytes were lost later.
  return end > limit || (end < limit && areZeros(memory, end - 1, limit));
}

function areZeros(memory: Buffer, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (memory[at] !== 0) return false;
  return true;
}
