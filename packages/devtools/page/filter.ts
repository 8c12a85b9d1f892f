// What the reader looks for, and the rows that have it, kept up to date cheaply.
import type { EventRow } from './row.js';
import type { Store } from './store.js';

/** Every field that is set must hold. Replaced, never changed: a new filter means a new search. */
export interface Filter {
  readonly types: readonly string[];
  readonly name: string;
  readonly user: string;
  readonly text: string;
  /** Only events with a problem. */
  readonly warned: boolean;
  /** Only events that are not in style. */
  readonly unstyled: boolean;
  /** Sequence number of the one request to show. */
  readonly request: number | null;
  /** Requests up to this one are cleared away. */
  readonly after: number;
  /** While paused: the last request shown. */
  readonly until: number | null;
}

export const EVERYTHING: Filter = {
  types: [],
  name: '',
  user: '',
  text: '',
  warned: false,
  unstyled: false,
  request: null,
  after: 0,
  until: null,
};

/** Whether the reader looks for something in particular. */
export function isNarrow(filter: Filter): boolean {
  return filter.text !== '' || filter.request !== null || setBeside(filter) > 0;
}

/** How many filters are set beside the search. */
export function setBeside({ types, name, user, warned, unstyled }: Filter): number {
  return [types.length > 0, name !== '', user !== '', warned, unstyled].filter(Boolean).length;
}

/** Whether an event is looked for. Upper and lower case are the same. */
function matches(row: EventRow, filter: Filter): boolean {
  const { sequence } = row.request;
  if (sequence <= filter.after || (filter.until !== null && sequence > filter.until)) return false;
  if (filter.request !== null && sequence !== filter.request) return false;
  if (filter.types.length > 0 && !filter.types.includes(row.type)) return false;
  if (filter.warned && !row.warnings.some(({ level }) => level === 'problem')) return false;
  if (filter.unstyled && !row.warnings.some(({ level }) => level === 'style')) return false;
  if (filter.name !== '' && !holds(row.name, filter.name)) return false;
  if (filter.user !== '' && !holds(row.user, filter.user)) return false;
  if (filter.text === '') return true;
  row.haystack ??= row.text.toLowerCase();
  return row.haystack.includes(filter.text.toLowerCase());
}

function holds(text: string, part: string): boolean {
  return text.toLowerCase().includes(part.toLowerCase());
}

/** The rows of a store that match. Looks only at new ones, as long as filter and store go on as they were. */
export class Matching {
  #filter = EVERYTHING;
  #epoch = -1;
  #looked = 0;
  #rows: EventRow[] = [];

  read(store: Store, filter: Filter): EventRow[] {
    if (filter !== this.#filter || store.epoch !== this.#epoch) {
      this.#filter = filter;
      this.#epoch = store.epoch;
      this.#looked = 0;
      this.#rows = [];
    }
    for (; this.#looked < store.events.length; this.#looked += 1) {
      const row = store.events[this.#looked];
      if (row !== undefined && matches(row, filter)) this.#rows.push(row);
    }
    return this.#rows;
  }
}
