// In: chunks of CSV. Out: its rows as lines, numbered, and where each ends; and the cells of a row. Next: format.ts.
//
// As RFC 4180 has it. Not by a library: those that are well kept go on behind a quote that is never closed as if
// everything after it was one cell, and the import could not go on at a byte.
import { EMPTY, type Line, MAX_LINE_BYTES, NEWLINE, type Position, TOO_LONG } from './lines.js';

const QUOTE = 0x22;
const RETURN = 0x0d;

/** A row, and where the next one begins; `open` if its end is not there yet; or what is wrong with it. */
type Row =
  | { readonly type: 'row'; readonly cells: readonly string[]; readonly next: number }
  | { readonly type: 'open' }
  | { readonly type: 'broken'; readonly fault: string };

const NOT_CLOSED = 'a quote is never closed';
const BEHIND_QUOTE = 'a quote is followed by more than the end of its cell';

/** Reads the row that begins at `start`. `isWhole`: nothing follows these bytes. */
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

/** The rows that end in each chunk, together. One that is broken or too long costs the line that it begins in. */
export async function* rowsOf(
  chunks: AsyncIterable<Buffer>,
  from: Position,
  delimiter: number,
): AsyncGenerator<Line[]> {
  let { line: number, offset: end } = from;
  let bytes = EMPTY;
  /** In a line that is too long. */
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

/** Behind the line end; -1 if there is none. */
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

/** The quote that ends a cell; -1 if it is not there yet. Two of them are one that is part of it. */
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
