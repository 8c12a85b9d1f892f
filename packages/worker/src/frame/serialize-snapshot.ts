// Serializes snapshots, which main makes of events that JSON text can't hold there. Next: queue.ts.

/** JSON text, the mark that replaces each BigInt in it (followed by an index), and the BigInts by that index. */
type Snapshot = readonly [text: string, mark: string, ...bigInts: bigint[]];

/**
 * Returns a snapshot as JSON text in UTF-8. A BigInt becomes a string of its digits, because readers would round a JSON
 * number of that size. Doesn't recurse, however deep the event is: main also calls this for the events of an error,
 * with whatever is left of its stack.
 *
 * @throws if the bytes aren't a snapshot, which only corrupted memory can cause.
 */
export function serializeSnapshot(snapshot: Uint8Array): Buffer {
  // Loaded here, because most programs have no event with a BigInt, and the module costs 1 to 3 MB.
  const { deserialize } = process.getBuiltinModule('node:v8');
  // A copy, because V8 refuses to deserialize shared memory.
  const [text, mark, ...bigInts]: Snapshot = deserialize(Uint8Array.prototype.slice.call(snapshot));
  const marks = new RegExp(`"${mark}(\\d+)"`, 'g');
  return Buffer.from(text.replace(marks, (_, index: string) => `"${bigInts[Number(index)]}"`));
}
