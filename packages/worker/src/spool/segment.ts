// The header of a segment file, with what all of its records have in common. Pure. Used by run-writer.ts,
// segment-reader.ts and cursor.ts.
//
// Little-endian:
//
//   | 8 bytes magic | uint32 format | uint32 header length | 32 bytes source | float64 time |
//   | uint16 length of the id prefix | uint16 length of the library | id prefix | library | uint32 CRC-32 |
//
// The CRC covers everything before it.

import type { FrameDefaults } from '../protocol.js';
import { crc32 } from './crc32.js';

/** Size at which a segment is full. A record is never split: if it doesn't fit, it goes into the next segment. */
export const SEGMENT_BYTES = 8 * 1024 * 1024;

/** The version of the format that this code writes. */
export const FORMAT = 1;

/** Like the magic of PNG: a transfer that changes line endings or drops the eighth bit damages it. */
const MAGIC = Buffer.from([0x89, 0x4f, 0x46, 0x46, 0x54, 0x0d, 0x0a, 0x1a]);

const FIXED_BYTES = 60;
const CRC_BYTES = 4;

/** Largest header. This many bytes are read to find it. */
export const MAX_HEADER_BYTES = 4096;

/** What all events of a run have in common. */
export interface RunIdentity {
  /** `sourceOf` the write key. */
  readonly source: string;
  readonly frameDefaults: FrameDefaults;
}

export interface SegmentHeader extends RunIdentity {
  /** When the file was created, in milliseconds since 1970. */
  readonly time: number;
  /** Offset of the first record. */
  readonly length: number;
}

export type HeaderResult =
  | { readonly type: 'header'; readonly header: SegmentHeader }
  /** Written by another version, which may have changed everything after the format number. */
  | { readonly type: 'foreign'; readonly format: number }
  | { readonly type: 'damaged' };

export function writeHeader({ source, frameDefaults }: RunIdentity, time: number): Buffer {
  const prefix = Buffer.from(frameDefaults.idPrefix);
  const library = Buffer.from(frameDefaults.library);
  const length = FIXED_BYTES + prefix.length + library.length + CRC_BYTES;
  const header = Buffer.alloc(length);
  MAGIC.copy(header);
  header.writeUInt32LE(FORMAT, 8);
  header.writeUInt32LE(length, 12);
  header.write(source, 16, 'hex');
  header.writeDoubleLE(time, 48);
  header.writeUInt16LE(prefix.length, 56);
  header.writeUInt16LE(library.length, 58);
  prefix.copy(header, FIXED_BYTES);
  library.copy(header, FIXED_BYTES + prefix.length);
  header.writeUInt32LE(crc32(header.subarray(0, length - CRC_BYTES)), length - CRC_BYTES);
  return header;
}

export function readHeader(bytes: Buffer): HeaderResult {
  if (bytes.length < FIXED_BYTES + CRC_BYTES || bytes.compare(MAGIC, 0, MAGIC.length, 0, MAGIC.length) !== 0)
    return { type: 'damaged' };
  const format = bytes.readUInt32LE(8);
  const prefixEnd = FIXED_BYTES + bytes.readUInt16LE(56);
  const libraryEnd = prefixEnd + bytes.readUInt16LE(58);
  const length = libraryEnd + CRC_BYTES;
  const isWhole = length <= bytes.length && bytes.readUInt32LE(12) === length;
  if (!isWhole || crc32(bytes.subarray(0, libraryEnd)) !== bytes.readUInt32LE(libraryEnd)) {
    // If only one bit of the format number is wrong, this segment is ours: the CRC matches with the right number.
    return format !== FORMAT && !holdsWithFormat(bytes, isWhole, libraryEnd)
      ? { type: 'foreign', format }
      : { type: 'damaged' };
  }
  if (format !== FORMAT) return { type: 'foreign', format };
  const header = {
    source: bytes.toString('hex', 16, 48),
    time: bytes.readDoubleLE(48),
    frameDefaults: {
      idPrefix: bytes.toString('utf8', FIXED_BYTES, prefixEnd),
      library: bytes.toString('utf8', prefixEnd, libraryEnd),
    },
    length,
  };
  return { type: 'header', header };
}

function holdsWithFormat(bytes: Buffer, isWhole: boolean, end: number): boolean {
  if (!isWhole) return false;
  const copy = Buffer.from(bytes.subarray(0, end));
  copy.writeUInt32LE(FORMAT, 8);
  return crc32(copy) === bytes.readUInt32LE(end);
}
