// In: the first bytes of an input. Out: how to find the events in it. Next: importer.ts.
import { exactly } from '../exact-json.js';
import { UsageError } from '../usage.js';
import { columnsOf, looksLikeHeader, valueOfRow } from './columns.js';
import { elementsOf } from './elements.js';
import { refuseOtherKinds } from './first-bytes.js';
import { type Line, linesOf, MAX_LINE_BYTES, type Position } from './lines.js';
import { readRow, rowsOf } from './rows.js';

/** The formats of an input. */
export const FORMATS = ['ndjson', 'json', 'csv'] as const;
export type FormatName = (typeof FORMATS)[number];

/** How events are written in an input. */
export interface Format {
  readonly name: FormatName;
  /** What one event is called. */
  readonly unit: 'line' | 'element' | 'row';
  /** The line that a file of such lines begins with. */
  readonly header: Buffer | undefined;
  /** Where the first event is. */
  readonly start: Position;
  /** The events behind a position. */
  lines(chunks: AsyncIterable<Buffer>, from: Position): AsyncGenerator<Line[]>;
  /** What is in one. Throws an error that says why it cannot be read. */
  valueOf(line: Line): unknown;
}

/** Separators of cells, in the order in which they are looked for. */
const DELIMITERS = ['\t', ';', ','];

const MARK = '\uFEFF';
const START: Position = { offset: 0, line: 0 };

/** Whether `formatOf` can tell by these bytes. */
export function isTelling(head: Buffer): boolean {
  const text = beginning(head);
  return text.startsWith('[') || text.includes('\n') || head.length > MAX_LINE_BYTES;
}

/**
 * The format of an input. Throws a `UsageError` if it is none of them.
 *
 * @param wanted what it is said to be; otherwise it is told by what is in it.
 */
export function formatOf(head: Buffer, name: string, wanted?: FormatName): Format {
  refuseOtherKinds(head, name);
  const text = beginning(head);
  if (wanted === 'csv' || (wanted === undefined && !/^[[{]/.test(text) && isHeader(text)))
    return csv(head, name);
  // Behind a lone brace an object goes on in the next line.
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

function csv(head: Buffer, name: string): Format {
  const text = beginning(head);
  const start = head.length - text.length;
  const delimiter = delimiterOf(text).charCodeAt(0);
  const row = readRow(head, start, delimiter, true);
  if (row.type !== 'row' || row.next > MAX_LINE_BYTES) {
    throw new UsageError(`${name} has no header of CSV that can be read`);
  }
  const columns = columnsOf(row.cells);
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
  // Some editors begin a file with a byte order mark.
  const text = bytes.toString('utf8').replace(MARK, '');
  try {
    return JSON.parse(exactly(text));
  } catch (error) {
    throw new Error(`not valid JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** What an input begins with, blanks and a byte order mark not counted. As Latin-1: a character for each byte. */
function beginning(head: Buffer): string {
  return head.toString('latin1').replace(/^(?:\xef\xbb\xbf)?\s*/, '');
}

function isHeader(text: string): boolean {
  const [line = ''] = text.split('\n', 1);
  const row = readRow(Buffer.from(line), 0, delimiterOf(line).charCodeAt(0), true);
  return row.type === 'row' && looksLikeHeader(row.cells);
}

/** The one that is in the first line most often. */
function delimiterOf(text: string): string {
  const [line = ''] = text.split('\n', 1);
  const count = (delimiter: string): number => line.split(delimiter).length;
  return DELIMITERS.reduce((best, each) => (count(each) >= count(best) ? each : best));
}
