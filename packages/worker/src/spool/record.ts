// One event on disk: bytes <-> record, and the next record that holds behind damage. Pure. Used by run-writer.ts, run-reader.ts.
//
// Little-endian:
//
//   | uint32 CRC-32 | uint32 length | uint64 sequence | float64 time | uint32 kind | payload |
//
// The CRC covers everything behind it. `length` is that of the payload and never 0: the CRC of nothing is 0, and so a
// stretch of zeros, which a file system may leave behind, would be a record.
import { crc32 } from 'node:zlib';
import { KIND, type Kind } from '../protocol.js';

/** Bytes in front of each payload. */
export const RECORD_HEADER_BYTES = 28;

/**
 * A payload has at most so many bytes; an event that is sent has 32 KB. JSON text escapes bytes below 0x20, and the highest
 * byte of a length is 0: no payload contains what looks like a record.
 */
export const MAX_PAYLOAD_BYTES = 1024 * 1024;

/** 2 ** 53 is the first number that JavaScript can't tell from the next one. */
const MAX_HIGH_WORD = 2 ** 21;

const KINDS = Object.keys(KIND) as Kind[];

/** A record, in place. */
export interface SpoolRecord {
  readonly sequence: number;
  /** When the event was accepted, in milliseconds since 1970. */
  readonly time: number;
  readonly kind: Kind;
  /** Holds the payload from `start` to `end`, where the next record begins. */
  readonly memory: Buffer;
  readonly start: number;
  readonly end: number;
}

/** Turns a payload that is in `target` behind room for the header into a record. Returns where the record ends. */
export function sealRecord(
  target: Buffer,
  at: number,
  length: number,
  { sequence, time, kind }: Pick<SpoolRecord, 'sequence' | 'time' | 'kind'>,
): number {
  const end = at + RECORD_HEADER_BYTES + length;
  target.writeUInt32LE(length, at + 4);
  target.writeUInt32LE(sequence % 2 ** 32, at + 8);
  target.writeUInt32LE(Math.floor(sequence / 2 ** 32), at + 12);
  target.writeDoubleLE(time, at + 16);
  target.writeUInt32LE(KIND[kind], at + 24);
  target.writeUInt32LE(crc32(target.subarray(at + 4, end)), at);
  return end;
}

/** The record at `at`, or undefined if there is none that holds before `limit`. */
export function readRecord(memory: Buffer, at: number, limit: number): SpoolRecord | undefined {
  const start = at + RECORD_HEADER_BYTES;
  if (start >= limit) return undefined;
  const length = memory.readUInt32LE(at + 4);
  // The cheap questions first: when the reader looks for the next record, it asks them at every byte.
  if (length === 0 || length > MAX_PAYLOAD_BYTES || start + length > limit) return undefined;
  const kind = KINDS[memory.readUInt32LE(at + 24)];
  const high = memory.readUInt32LE(at + 12);
  if (kind === undefined || high >= MAX_HIGH_WORD) return undefined;
  const end = start + length;
  if (crc32(memory.subarray(at + 4, end)) !== memory.readUInt32LE(at)) return undefined;
  const sequence = high * 2 ** 32 + memory.readUInt32LE(at + 8);
  return { sequence, time: memory.readDoubleLE(at + 16), kind, memory, start, end };
}

/** What comes next in a segment. */
export interface Found {
  readonly record: SpoolRecord | undefined;
  /**
   * What lies in front of it, or in front of `limit`: nothing; bytes that are not a record; or a record that was being
   * written when the process ended, or is being written now.
   */
  readonly before: 'nothing' | 'damage' | 'torn';
}

/** The first record from `at` on that holds. */
export function findRecord(memory: Buffer, at: number, limit: number): Found {
  const record = readRecord(memory, at, limit);
  if (record !== undefined || at >= limit) return { record, before: 'nothing' };
  for (let next = at + 1; next + RECORD_HEADER_BYTES < limit; next++) {
    // Zeros, mostly: a stretch of a block that was never written. `length` has a byte that isn't 0, 4 to 7 bytes further on.
    if (memory[next + 4] === 0 && isZero(memory, next + 4)) continue;
    const found = readRecord(memory, next, limit);
    if (found !== undefined) return { record: found, before: 'damage' };
  }
  return { record: undefined, before: isTorn(memory, at, limit) ? 'torn' : 'damage' };
}

function isZero(memory: Buffer, at: number): boolean {
  return memory[at + 1] === 0 && memory[at + 2] === 0 && memory[at + 3] === 0;
}

/** Whether the bytes to `limit` are what is left of a write that ended early: the beginning of a record, or zeros. */
function isTorn(memory: Buffer, at: number, limit: number): boolean {
  if (limit - at < RECORD_HEADER_BYTES) return true;
  const length = memory.readUInt32LE(at + 4);
  if (length === 0) return memory.subarray(at, limit).every((byte) => byte === 0);
  const isHeader = length <= MAX_PAYLOAD_BYTES && memory.readUInt32LE(at + 24) < KINDS.length;
  return isHeader && at + RECORD_HEADER_BYTES + length > limit;
}
