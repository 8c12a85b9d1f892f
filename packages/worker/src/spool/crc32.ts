// The CRC-32 of zlib. Used by record.ts, segment.ts and cursor.ts.
//
// node:zlib is loaded by the first call, because the main thread needs it only if a client has a strict spool.

let native: typeof import('node:zlib').crc32 | undefined;

export function crc32(data: Uint8Array): number {
  native ??= process.getBuiltinModule('node:zlib').crc32;
  return native(data);
}
