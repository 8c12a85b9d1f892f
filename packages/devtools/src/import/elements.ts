// In: chunks of a JSON array. Out: its elements as lines, numbered, and where each ends. Next: importer.ts.
//
// Only strings and brackets are looked at: an element that is no JSON ends where it seems to, and fails alone. Arrays
// and objects that follow one another, over any number of lines, are read as one array.
import { type Line, NEWLINE, Pieces, type Position } from './lines.js';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** The elements that end in each chunk, together. Throws at the end of an array that is cut off. */
export async function* elementsOf(
  chunks: AsyncIterable<Buffer>,
  from: Position,
  isArray: boolean,
): AsyncGenerator<Line[]> {
  let { line: number, offset: base } = from;
  // The position is never before an array, but for the very first.
  let isInArray = isArray && from.offset > 0;
  let isInElement = false;
  let isInString = false;
  let isEscaped = false;
  /** The brackets that are open in the element. */
  let open: number[] = [];
  /** The byte before, white space not counted. */
  let last = 0;
  const pieces = new Pieces();

  for await (const chunk of chunks) {
    const lines: Line[] = [];
    let start = 0;
    const finish = (end: number): void => {
      pieces.add(chunk.subarray(start, end));
      const { bytes, fault } = pieces.take();
      number += 1;
      lines.push({ number, bytes: onOneLine(bytes), end: base + end, fault });
      start = end;
      open = [];
      isInElement = false;
      isInString = false;
      isEscaped = false;
    };
    for (let at = 0; at < chunk.length; at += 1) {
      const byte = chunk[at] as number;
      if (isInString) {
        if (isEscaped) isEscaped = false;
        else if (byte === BACKSLASH) isEscaped = true;
        else if (byte === QUOTE) isInString = false;
        // No string of JSON goes on behind a line end: this one has lost its quote.
        else if (byte === NEWLINE) finish(at);
        continue;
      }
      if (isSpace(byte)) {
        // Nothing that is not in brackets goes on either.
        if (byte === NEWLINE && isInElement && open.length === 0) finish(at);
        continue;
      }
      // An object has a name behind a comma: this one has lost its end.
      if (byte === OPEN_OBJECT && last === COMMA && open.at(-1) === OPEN_OBJECT) finish(at);
      last = byte;
      if (!isInElement) {
        if (byte === COMMA || isMark(base + at, byte)) continue;
        if (isInArray ? byte === CLOSE_ARRAY : byte === OPEN_ARRAY) {
          isInArray = !isInArray;
          continue;
        }
        isInElement = true;
        start = at;
      }
      if (byte === QUOTE) isInString = true;
      else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) open.push(byte);
      else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) {
        if (open.length > 0) {
          open.pop();
          if (open.length === 0) finish(at + 1);
        } else if (byte === CLOSE_ARRAY && isInArray && pieces.length + at > start) {
          finish(at);
          isInArray = false;
        } else finish(at + 1);
      } else if (byte === COMMA && open.length === 0) finish(at);
    }
    if (isInElement) pieces.add(chunk.subarray(start));
    base += chunk.length;
    yield lines;
  }
  if (isInArray || isInElement) throw new Error('the JSON is cut off: it ends within an array or an object');
}

/** An element as a line of NDJSON. In JSON a line end is never part of a value. */
function onOneLine(bytes: Buffer): Buffer {
  // As Latin-1 each byte is one character, and stays what it is.
  const text = bytes.toString('latin1').replace(/[ \t]*[\r\n]+[ \t]*/g, ' ');
  return Buffer.from(text.replace(/[ \t,]+$/, ''), 'latin1');
}

function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === NEWLINE || byte === 0x0d || byte === 0x09;
}

/** The byte order mark that some editors begin a file with. */
function isMark(offset: number, byte: number): boolean {
  return offset < 3 && byte >= 0x80;
}
