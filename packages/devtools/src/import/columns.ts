// In: the header of a CSV file, and the cells of a row. Out: the row as an object. Used by format.ts.
import { exactly } from '../exact-json.js';

interface Column {
  /** Names, from the outermost object in. */
  readonly path: readonly string[];
  /** Whether its cells are text whatever they look like. */
  readonly isText: boolean;
}

/** Names of a header that events have, without underscores and in small letters. What is in them is text. */
const FIELDS: ReadonlySet<string> = new Set([
  ...['type', 'event', 'eventtext', 'userid', 'anonymousid', 'groupid', 'previousid', 'messageid'],
  ...['timestamp', 'originaltimestamp', 'receivedat', 'sentat'],
]);

/** What is in these is text as well, but a header of any other table may have them. */
const COMMON_FIELDS: ReadonlySet<string> = new Set(['id', 'name', 'category']);

const OBJECT_FIELD = /^(?:context|properties|traits|integrations)\./;

/** A number that is written as any program would write it: no zip code with a zero in front, and no exponent. */
const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?$/;

/** How PostgreSQL, MySQL, Snowflake and Hive write that there is nothing. */
const NOTHING = '\\N';

/** Whether the first line of a file is a header of events. */
export function looksLikeHeader(cells: readonly string[]): boolean {
  return cells.length > 1 && cells.some((cell) => FIELDS.has(plain(cell)));
}

export function columnsOf(header: readonly string[]): readonly Column[] {
  return header.map((cell) => {
    const name = cell.trim();
    const path = OBJECT_FIELD.test(name) ? name.split('.') : [name];
    const isField = path.length === 1 && (FIELDS.has(plain(name)) || COMMON_FIELDS.has(plain(name)));
    // Versions and builds look like numbers.
    return { path, isText: isField || /^context[._]/i.test(name) };
  });
}

/** The row as an object, without its empty cells. Throws if it does not fit the header. */
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
  // A number that a double cannot hold stays text, with all of its digits.
  return NUMBER.test(cell) && exactly(cell) === cell ? Number(cell) : cell;
}

function plain(name: string): string {
  return name.trim().toLowerCase().replaceAll('_', '');
}
