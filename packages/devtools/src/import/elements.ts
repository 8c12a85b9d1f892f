// Splits JSON arrays into their elements.
//
// It looks at strings and brackets only, so that an element that isn't valid JSON fails alone. Arrays and objects that
// follow one another, over any number of lines, count as one array.
import { type Line, NEWLINE, Pieces, type Position } from './lines.js';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** The elements that end in each chunk. Throws at the end of the input if an array is still open. */
export async function* elementsOf(
  chunks: AsyncIterable<Buffer>,
  from: Position,
  isArray: boolean,
): AsyncGenerator<Line[]> {
  let { line: number, offset: base } = from;
  // A position after the start is always within an array, or right behind it.
  let isInArray = isArray && from.offset > 0;
  let isInElement = false;
  let isInString = false;
  let isEscaped = false;
  /** The open brackets of the element. */
  let open: number[] = [];
  /** The previous byte that isn't white space. */
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
        // JSON strings have no line breaks, so the closing quote is missing.
        else if (byte === NEWLINE) finish(at);
        continue;
      }
      if (isSpace(byte)) {
        // A value without brackets ends with its line.
        if (byte === NEWLINE && isInElement && open.length === 0) finish(at);
        continue;
      }
      // Within an object a key follows a comma, so the closing bracket is missing.
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
  if (isInArray || isInElement) throw new Error('the JSON is cut off within an array or an object');
}

/** An element as a line of NDJSON. Line breaks are never part of a JSON value. */
function onOneLine(bytes: Buffer): Buffer {
  // Latin-1 maps each byte to one character and back.
  const text = bytes.toString('latin1').replace(/[ \t]*[\r\n]+[ \t]*/g, ' ');
  return Buffer.from(text.replace(/[ \t,]+$/, ''), 'latin1');
}

function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === NEWLINE || byte === 0x0d || byte === 0x09;
}

/** Whether this byte belongs to a byte order mark. */
function isMark(offset: number, byte: number): boolean {
  return offset < 3 && byte >= 0x80;
}
