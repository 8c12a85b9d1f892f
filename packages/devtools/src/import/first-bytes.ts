// Recognizes inputs that are neither JSON nor CSV by their first bytes.
import { UsageError } from '../usage.js';

/** Kinds of files: a pattern of the first bytes in hexadecimal, the name, and how to convert one. */
const KINDS: readonly (readonly [magic: string, name: string, advice: string])[] = [
  ['504b0304', 'a zip file', 'unzip -p FILE | offthread import -'],
  ['504b0506', 'an empty zip file', 'there is nothing in it'],
  ['28b52ffd', 'compressed by Zstandard', 'zstd -dc FILE | offthread import -'],
  // `BZh` alone could start a CSV header. The block size and the digits of pi follow.
  ['425a683.314159265359', 'compressed by bzip2', 'bzip2 -dc FILE | offthread import -'],
  ['fd377a585a00', 'compressed by xz', 'xz -dc FILE | offthread import -'],
  ['04224d18', 'compressed by lz4', 'lz4 -dc FILE | offthread import -'],
  ['377abcaf271c', 'a 7z file', '7z x -so FILE | offthread import -'],
  ['50415231', 'a Parquet file', 'write it as NDJSON, as DuckDB does with COPY … TO … (FORMAT json)'],
  ['4f626a01', 'an Avro file', 'write it as NDJSON, as avro-tools tojson does'],
];

const IN_UTF_16 = 'iconv -f UTF-16LE -t UTF-8 FILE | offthread import -';

/** Offset of the magic in a tar file. */
const TAR_OFFSET = 257;

/** Text in UTF-8 has no zero bytes. In UTF-16 most letters have one. */
const LOOKED_AT = 512;

/** Throws a `UsageError` for an input that isn't text in UTF-8. */
export function refuseOtherKinds(head: Buffer, name: string): void {
  const start = head.subarray(0, LOOKED_AT);
  const hex = start.toString('hex');
  const [, kind, advice] = KINDS.find(([magic]) => new RegExp(`^${magic}`).test(hex)) ?? [];
  if (kind !== undefined) throw unfit(name, kind, advice);
  if (start.toString('latin1', TAR_OFFSET, TAR_OFFSET + 5) === 'ustar') {
    throw unfit(name, 'a tar file', 'tar -xOf FILE | offthread import -');
  }
  if (hex.startsWith('fffe') || (start[0] !== 0 && start[1] === 0)) throw unfit(name, 'UTF-16', IN_UTF_16);
  if (hex.startsWith('feff') || (start[0] === 0 && start[1] !== 0 && start[2] === 0)) {
    throw unfit(name, 'UTF-16', IN_UTF_16.replace('LE', 'BE'));
  }
  if (start.includes(0)) throw unfit(name, 'no text');
}

function unfit(name: string, kind: string, advice?: string): UsageError {
  const expected = 'expected JSON or CSV in UTF-8, plain or gzip';
  return new UsageError(`${name} is ${kind}; ${expected}${advice === undefined ? '' : `: ${advice}`}`);
}
