// The formats of an input, and how to recognize them by the first bytes.
import { exactly } from '../exact-json.js';
import { UsageError } from '../usage.js';
import { columnsOf, looksLikeHeader, valueOfRow } from './columns.js';
import { elementsOf } from './elements.js';
import { refuseOtherKinds } from './first-bytes.js';
import { type Line, linesOf, MAX_LINE_BYTES, type Position } from './lines.js';
import { readRow, rowsOf } from './rows.js';

export const FORMATS = ['ndjson', 'json', 'csv'] as const;
export type FormatName = (typeof FORMATS)[number];

/** How an input holds its events. */
export interface Format {
  readonly name: FormatName;
  /** What messages call an event. */
  readonly unit: 'line' | 'element' | 'row';
  /** The first line of a file of this format, if it has to have one. */
  readonly header: Buffer | undefined;
  /** Position of the first event. */
  readonly start: Position;
  /** The events after a position. */
  lines(chunks: AsyncIterable<Buffer>, from: Position): AsyncGenerator<Line[]>;
  /** The value of an event. Throws an error that says why it can't be read. */
  valueOf(line: Line): unknown;
}

/** Separators of cells. In a tie, the last one wins. */
const DELIMITERS = ['\t', ';', ','];

const MARK = '\uFEFF';
const START: Position = { offset: 0, line: 0 };

/** Whether these bytes are enough for `formatOf`. */
export function isTelling(head: Buffer): boolean {
  const text = beginning(head);
  return text.startsWith('[') || text.includes('\n') || head.length > MAX_LINE_BYTES;
}

/**
 * The format of an input. Throws a `UsageError` if it has none of them.
 *
 * @param wanted the format that the user names. Default: the content decides.
 * @param texts names of columns of CSV whose cells stay text; `*` for all.
 */
export function formatOf(
  head: Buffer,
  name: string,
  wanted?: FormatName,
  texts: readonly string[] = [],
): Format {
  refuseOtherKinds(head, name);
  const text = beginning(head);
  if (wanted === 'csv' || (wanted === undefined && !/^[[{]/.test(text) && isHeader(text)))
    return csv(head, name, texts);
  if (texts.length > 0) throw new UsageError(`--text is for the columns of CSV, and ${name} isn't CSV`);
  // After a lone brace the object continues on the next line.
  if (wanted === 'json' || (wanted === undefined && /^(\[|\{\s*\n)/.test(text)))
    return json(text.startsWith('['));
  return NDJSON;
}

const NDJSON: Format = {
  name: 'ndjson',
  unit: 'line',
  header: undefined,
  start: START,
  lines: linesOf,
  valueOf: ({ bytes }) => parse(bytes),
};

function json(isArray: boolean): Format {
  const lines: Format['lines'] = (chunks, from) => elementsOf(chunks, from, isArray);
  return { ...NDJSON, name: 'json', unit: 'element', lines };
}

function csv(head: Buffer, name: string, texts: readonly string[]): Format {
  const text = beginning(head);
  const start = head.length - text.length;
  const delimiter = delimiterOf(text).charCodeAt(0);
  const row = readRow(head, start, delimiter, true);
  if (row.type !== 'row' || row.next > MAX_LINE_BYTES) {
    throw new UsageError(`${name} doesn't start with a CSV header`);
  }
  const columns = columnsOf(row.cells, texts);
  return {
    name: 'csv',
    unit: 'row',
    header: Buffer.from(head.toString('latin1', start, row.next).replace(/[\r\n]+$/, ''), 'latin1'),
    start: { offset: row.next, line: 1 },
    lines: (chunks, from) => rowsOf(chunks, from, delimiter),
    valueOf({ bytes }) {
      const found = readRow(bytes, 0, delimiter, true);
      if (found.type !== 'row') throw new Error(found.type === 'broken' ? found.fault : 'it has no end');
      return valueOfRow(columns, found.cells);
    },
  };
}

function parse(bytes: Buffer): unknown {
  // Some editors put a byte order mark at the start of a file.
  const text = bytes.toString('utf8').replace(MARK, '');
  try {
    return JSON.parse(exactly(text));
  } catch (error) {
    throw new Error(`not valid JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** The bytes after white space and a byte order mark. As Latin-1, which has one character per byte. */
function beginning(head: Buffer): string {
  return head.toString('latin1').replace(/^(?:\xef\xbb\xbf)?\s*/, '');
}

function isHeader(text: string): boolean {
  const [line = ''] = text.split('\n', 1);
  const row = readRow(Buffer.from(line), 0, delimiterOf(line).charCodeAt(0), true);
  return row.type === 'row' && looksLikeHeader(row.cells);
}

/** The separator that occurs most often in the first line. */
function delimiterOf(text: string): string {
  const [line = ''] = text.split('\n', 1);
  const count = (delimiter: string): number => line.split(delimiter).length;
  return DELIMITERS.reduce((best, each) => (count(each) >= count(best) ? each : best));
}
