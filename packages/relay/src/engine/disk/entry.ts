// The payload of a record: events that were stored together. Pure. Used by partition-log.ts.
//
//   | lengths in bytes, decimal, separated by spaces | line feed | the events' JSON texts, one after the other |
//
// JSON text has no byte 0, and so a payload has none: see record.ts for why that matters.

/** Most events and bytes of one entry. Damage to a record loses one entry. */
const ENTRY_EVENTS = 100;
const ENTRY_BYTES = 64 * 1024;

/** A record may have a little more, see record.ts. Ingest takes no event of nearly this size. */
const MAX_TEXT_BYTES = 1_000_000;

const LINE_FEED = 0x0a;

/**
 * Divides the events of a request into the payloads of entries.
 *
 * @throws {RangeError} if an event is too large for a record.
 */
export function toPayloads(texts: readonly string[]): Payload[] {
  const payloads: Payload[] = [];
  let group: string[] = [];
  let lengths: number[] = [];
  let bytes = 0;
  const end = (): void => {
    if (group.length > 0) payloads.push({ events: group.length, bytes, memory: encode(group, lengths) });
    group = [];
    lengths = [];
    bytes = 0;
  };
  for (const text of texts) {
    const length = Buffer.byteLength(text);
    if (length > MAX_TEXT_BYTES)
      throw new RangeError(`An event of ${length} bytes is too large to be stored`);
    if (group.length === ENTRY_EVENTS || (group.length > 0 && bytes + length > ENTRY_BYTES)) end();
    group.push(text);
    lengths.push(length);
    bytes += length;
  }
  end();
  return payloads;
}

/** An entry that can be written. */
export interface Payload {
  readonly events: number;
  /** Bytes of the events' texts. */
  readonly bytes: number;
  readonly memory: Buffer;
}

function encode(texts: readonly string[], lengths: readonly number[]): Buffer {
  const head = `${lengths.join(' ')}\n`;
  const memory = Buffer.allocUnsafe(lengths.reduce((sum, length) => sum + length, head.length));
  let at = memory.write(head, 0, 'latin1');
  for (const text of texts) at += memory.write(text, at);
  return memory;
}

/** Returns the lengths of the events in a payload, and where the first of them starts; none if it isn't a payload. */
export function lengthsOf(payload: Buffer): { readonly lengths: readonly number[]; readonly start: number } {
  const end = payload.indexOf(LINE_FEED);
  const lengths = end === -1 ? [] : payload.toString('latin1', 0, end).split(' ').map(Number);
  const start = end + 1;
  const total = lengths.reduce((sum, length) => sum + length, start);
  return total === payload.length ? { lengths, start } : { lengths: [], start };
}

/** Returns the events in a payload. */
export function textsOf(payload: Buffer): string[] {
  const { lengths, start } = lengthsOf(payload);
  let at = start;
  return lengths.map((length) => {
    const text = payload.toString('utf8', at, at + length);
    at += length;
    return text;
  });
}
