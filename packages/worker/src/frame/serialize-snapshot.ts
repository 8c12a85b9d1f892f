// Snapshot bytes -> JSON text as bytes, for events JSON text could not hold on main. Next: queue.ts.

/** JSON text, what stands in it for a BigInt, followed by a number, and the BigInts by that number. */
type Snapshot = readonly [text: string, mark: string, ...bigInts: bigint[]];

/**
 * Writes what main snapshotted as JSON text in UTF-8. A BigInt becomes a string of its digits, because a JSON number
 * of that size would be rounded by whoever reads it. Nothing here recurs, however deep the event is: also main does this,
 * for the events of an error, on whatever is left of its stack.
 *
 * @throws if the bytes are no snapshot, which only memory gone wrong can cause.
 */
export function serializeSnapshot(snapshot: Uint8Array): Buffer {
  // Loaded here, because most programs have no event with a BigInt, and the module costs 1 to 3 MB.
  const { deserialize } = process.getBuiltinModule('node:v8');
  // A copy, because V8's reader refuses memory that another thread could change under it.
  const [text, mark, ...bigInts]: Snapshot = deserialize(Uint8Array.prototype.slice.call(snapshot));
  const marks = new RegExp(`"${mark}(\\d+)"`, 'g');
  return Buffer.from(text.replace(marks, (_, index: string) => `"${bigInts[Number(index)]}"`));
}
