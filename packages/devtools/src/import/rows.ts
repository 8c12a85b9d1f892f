// Splits CSV into rows and cells, by RFC 4180.
//
// This isn't left to a library: after an unclosed quote, csv-parse reads the rest of the file as one cell, and one bad
// row must not cost the others.
import { EMPTY, type Line, MAX_LINE_BYTES, NEWLINE, type Position, TOO_LONG } from './lines.js';

const QUOTE = 0x22;
const RETURN = 0x0d;

/** A row with the offset of the next one; `open` if its end hasn't arrived yet; or why it can't be read. */
type Row =
  | { readonly type: 'row'; readonly cells: readonly string[]; readonly next: number }
  | { readonly type: 'open' }
  | { readonly type: 'broken'; readonly fault: string };

const NOT_CLOSED = 'a quote is never closed';
const BEHIND_QUOTE = 'a closing quote is not at the end of its cell';

/** Reads the row at `start`. `isWhole` says that no more bytes will arrive. */
export function readRow(bytes: Buffer, start: number, delimiter: number, isWhole: boolean): Row {
  const cells: string[] = [];
  for (let at = start; ; at += 1) {
    const isQuoted = bytes[at] === QUOTE;
    const end = isQuoted ? closingQuote(bytes, at, isWhole) : endOfCell(bytes, at, delimiter);
    if (end === -1) return isWhole ? { type: 'broken', fault: NOT_CLOSED } : { type: 'open' };
    if (isQuoted) cells.push(bytes.toString('utf8', at + 1, end).replaceAll('""', '"'));
    else cells.push(bytes.toString('utf8', at, end));
    at = isQuoted ? end + 1 : end;
    const isReturn = bytes[at] === RETURN;
    const last = isReturn ? at + 1 : at;
    if (last >= bytes.length) return isWhole ? { type: 'row', cells, next: last } : { type: 'open' };
    if (bytes[last] === NEWLINE) return { type: 'row', cells, next: last + 1 };
    if (isReturn || bytes[at] !== delimiter) return { type: 'broken', fault: BEHIND_QUOTE };
  }
}

/** The rows that end in each chunk. A row that can't be read ends with its first line. */
export async function* rowsOf(
  chunks: AsyncIterable<Buffer>,
  from: Position,
  delimiter: number,
): AsyncGenerator<Line[]> {
  let { line: number, offset: end } = from;
  let bytes = EMPTY;
  /** Within a line that is too long. */
  let isSkipping = false;

  for await (const chunk of chunks) {
    bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk]);
    yield split(false);
  }
  yield split(true);

  function split(isWhole: boolean): Line[] {
    const lines: Line[] = [];
    let start = 0;
    const add = (next: number, fault?: string): void => {
      number += 1;
      end += next - start;
      const line = fault === TOO_LONG ? EMPTY : withoutEnd(bytes.subarray(start, next));
      lines.push({ number, bytes: line, end, fault });
      start = next;
    };
    while (start < bytes.length || (isWhole && isSkipping)) {
      if (isSkipping) {
        const next = lineEnd(bytes, start);
        if (next === -1 && !isWhole) {
          end += bytes.length - start;
          start = bytes.length;
          break;
        }
        add(next === -1 ? bytes.length : next, TOO_LONG);
        isSkipping = false;
        continue;
      }
      const row = readRow(bytes, start, delimiter, isWhole);
      const isTooLong = bytes.length - start > MAX_LINE_BYTES;
      if (row.type === 'row') add(row.next);
      else if (row.type === 'open' && !isTooLong) break;
      else {
        const next = lineEnd(bytes, start);
        const fault = row.type === 'broken' ? row.fault : NOT_CLOSED;
        if (next !== -1) add(next, fault);
        else if (isWhole) add(bytes.length, fault);
        else isSkipping = true;
      }
    }
    bytes = bytes.subarray(start);
    return lines;
  }
}

/** The offset after the next newline; -1 if there is none. */
function lineEnd(bytes: Buffer, start: number): number {
  const at = bytes.indexOf(NEWLINE, start);
  return at === -1 ? -1 : at + 1;
}

function withoutEnd(line: Buffer): Buffer {
  let { length } = line;
  if (line[length - 1] === NEWLINE) length -= 1;
  if (line[length - 1] === RETURN) length -= 1;
  return line.subarray(0, length);
}

/** The offset of the quote that ends a cell; -1 if it hasn't arrived yet. Two quotes stand for one within the cell. */
function closingQuote(bytes: Buffer, start: number, isWhole: boolean): number {
  for (let from = start + 1; ; ) {
    const at = bytes.indexOf(QUOTE, from);
    if (at === -1 || (at + 1 === bytes.length && !isWhole)) return -1;
    if (bytes[at + 1] !== QUOTE) return at;
    from = at + 2;
  }
}

function endOfCell(bytes: Buffer, start: number, delimiter: number): number {
  let at = start;
  while (at < bytes.length && bytes[at] !== delimiter && bytes[at] !== NEWLINE) at += 1;
  const isOver = at === bytes.length || bytes[at] === NEWLINE;
  return isOver && at > start && bytes[at - 1] === RETURN ? at - 1 : at;
}
