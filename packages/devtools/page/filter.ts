// The filter, and the matching rows, which are updated incrementally.
import type { EventRow } from './row.js';
import type { Store } from './store.js';

/** All fields that are set must match. Never modified: a new filter object means a new search. */
export interface Filter {
  readonly types: readonly string[];
  readonly name: string;
  readonly user: string;
  readonly text: string;
  /** Only events with a problem. */
  readonly warned: boolean;
  /** Only events with style warnings. */
  readonly unstyled: boolean;
  /** Sequence number of the only request to show. */
  readonly request: number | null;
  /** Hides requests up to this one. */
  readonly after: number;
  /** While paused: the last request to show. */
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

/** Whether a filter is set. */
export function isNarrow(filter: Filter): boolean {
  return filter.text !== '' || filter.request !== null || setBeside(filter) > 0;
}

/** The number of filters that are set, without the search. */
export function setBeside({ types, name, user, warned, unstyled }: Filter): number {
  return [types.length > 0, name !== '', user !== '', warned, unstyled].filter(Boolean).length;
}

/** Whether an event matches. Ignores case. */
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

/** The matching rows of a store. Checks only new rows as long as the filter and the store's version are unchanged. */
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
