// Snapshot bytes -> JSON text as bytes, for events JSON text could not hold on main. Next: queue.ts.
import { deserialize } from 'node:v8';

/**
 * Writes what main snapshotted as JSON text in UTF-8. A BigInt becomes a string of its digits, because a JSON number
 * of that size would be rounded by whoever reads it; everything else is what `JSON.stringify` makes of it.
 *
 * @throws if the bytes are no snapshot, which only memory gone wrong can cause.
 */
export function serialize(snapshot: Uint8Array): Buffer {
  // A copy, because V8's reader refuses memory that another thread could change under it.
  const event: unknown = deserialize(Uint8Array.prototype.slice.call(snapshot));
  return Buffer.from(JSON.stringify(event, bigIntAsText));
}

function bigIntAsText(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? value.toString() : value;
}
