// The columns of a CSV file: reads the header, and turns rows into objects.
import { exactly } from '../exact-json.js';
import { UsageError } from '../usage.js';

interface Column {
  /** Keys, outermost first. */
  readonly path: readonly string[];
  /** Whether cells that look like numbers are text nevertheless. */
  readonly isText: boolean;
}

/** Fields of events, in lower case and without underscores. They hold text. */
const FIELDS: ReadonlySet<string> = new Set([
  ...['type', 'event', 'eventtext', 'userid', 'anonymousid', 'groupid', 'previousid', 'messageid'],
  ...['timestamp', 'originaltimestamp', 'receivedat', 'sentat'],
]);

/** Fields that hold text as well, but that tables of any kind may have. */
const COMMON_FIELDS: ReadonlySet<string> = new Set(['id', 'name', 'category']);

const OBJECT_FIELD = /^(?:context|properties|traits|integrations)\./;

/** Matches a number, but not a zip code with a leading zero or a product code with an E in it. */
const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?$/;

/** NULL, as PostgreSQL, MySQL, Snowflake and Hive write it. */
const NOTHING = '\\N';

/** Whether these cells are the header of a table of events. */
export function looksLikeHeader(cells: readonly string[]): boolean {
  return cells.length > 1 && cells.some((cell) => FIELDS.has(plain(cell)));
}

/**
 * Reads the header. Throws a `UsageError` for a name that isn't there.
 *
 * @param texts names of columns whose cells stay text; `*` for all.
 */
export function columnsOf(header: readonly string[], texts: readonly string[]): readonly Column[] {
  const names = header.map((cell) => cell.trim());
  const missing = texts.find((name) => name !== '*' && !names.includes(name));
  if (missing !== undefined)
    throw new UsageError(`--text: there is no column '${missing}'; the columns are ${names.join(', ')}`);
  return header.map((cell) => {
    const name = cell.trim();
    const path = OBJECT_FIELD.test(name) ? name.split('.') : [name];
    const isField = path.length === 1 && (FIELDS.has(plain(name)) || COMMON_FIELDS.has(plain(name)));
    // Version 17.0 isn't the number 17.
    const isText = isField || /^context[._]/i.test(name) || texts.includes('*') || texts.includes(name);
    return { path, isText };
  });
}

/** The row as an object, without empty cells. Throws if it doesn't have as many cells as the header. */
export function valueOfRow(columns: readonly Column[], cells: readonly string[]): object {
  if (cells.length !== columns.length) {
    throw new Error(`it has ${cells.length} cells, and the header has ${columns.length}`);
  }
  const row = Object.create(null) as Record<string, unknown>;
  for (const [index, { path, isText }] of columns.entries()) {
    const cell = cells[index] ?? '';
    if (cell === '' || cell === NOTHING) continue;
    let place = row;
    for (const name of path.slice(0, -1)) {
      place[name] ??= Object.create(null);
      place = place[name] as Record<string, unknown>;
    }
    place[path.at(-1) ?? ''] = isText ? cell : typed(cell);
  }
  return row;
}

function typed(cell: string): unknown {
  if (cell === 'true' || cell === 'false') return cell === 'true';
  // A number that a double can't hold stays text, so that it keeps its digits.
  return NUMBER.test(cell) && exactly(cell) === cell ? Number(cell) : cell;
}

function plain(name: string): string {
  return name.trim().toLowerCase().replaceAll('_', '');
}
