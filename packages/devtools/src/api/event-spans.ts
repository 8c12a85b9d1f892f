// In: the body of a batch request that parsed as JSON. Out: where each event is in it. Next: parsed.ts, feed.ts.

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const BATCH_KEY = Buffer.from('"batch"');

/** The bytes of an event in a body: from `start` up to `end`, which is not part of it. */
export interface Span {
  start: number;
  end: number;
}

/**
 * The place of each element of the top-level `batch` array, white space around it not counted.
 * Found in the text itself, because an event written out again need not be what it was. `body` must be valid JSON.
 */
export function eventSpans(body: Buffer): Span[] {
  let spans: Span[] = [];
  let depth = 0;
  let batchIsNext = false;
  let inBatch = false;
  let first = -1;
  let last = -1;
  for (let at = 0; at < body.length; at += 1) {
    const byte = body[at] as number;
    if (isSpace(byte)) continue;
    if (byte === QUOTE) {
      const end = closingQuote(body, at);
      // A string one level down is a key or a value; only the key is followed by the array looked for here.
      if (depth === 1) batchIsNext = body.subarray(at, end + 1).equals(BATCH_KEY);
      if (first === -1) first = at;
      at = end;
      last = end;
      continue;
    }
    const opens = byte === 0x7b || byte === 0x5b;
    const closes = byte === 0x7d || byte === 0x5d;
    if (opens && depth === 1 && byte === 0x5b && batchIsNext) {
      inBatch = true;
      spans = []; // The last of several `batch` keys counts, as it does for JSON.parse.
      depth += 1;
      first = -1;
      continue;
    }
    if (inBatch && depth === 2 && (byte === COMMA || closes)) {
      if (first !== -1) spans.push({ start: first, end: last + 1 });
      first = -1;
      if (byte === COMMA) continue;
      inBatch = false;
      batchIsNext = false;
    }
    if (opens) depth += 1;
    if (closes) depth -= 1;
    if (first === -1) first = at;
    last = at;
  }
  return spans;
}

function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

function closingQuote(body: Buffer, opening: number): number {
  let end = body.indexOf(QUOTE, opening + 1);
  while (end !== -1) {
    let slashes = 0;
    while (body[end - 1 - slashes] === BACKSLASH) slashes += 1;
    if (slashes % 2 === 0) return end;
    end = body.indexOf(QUOTE, end + 1);
  }
  return body.length - 1;
}
