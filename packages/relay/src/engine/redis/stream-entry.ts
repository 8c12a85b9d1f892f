// How events are written to a stream: up to 100 events or 64 KB an entry, because an entry for each event takes more
// memory and more time. An entry has two fields: `n`, the number of its events, and `e`, their texts, separated by a
// byte that no JSON text contains. Used by redis-engine.ts and scripts.ts.

/** Most events and bytes of an entry. A single event may be larger. */
const MAX_ENTRY_EVENTS = 100;
const MAX_ENTRY_BYTES = 64 * 1024;

/** JSON doesn't allow this character, except escaped. */
const SEPARATOR = '\x1e';

/** An entry to append. */
export interface EntryText {
  readonly events: number;
  readonly text: string;
}

/** Joins the texts of events to entries. */
export function entriesOf(texts: readonly string[]): EntryText[] {
  const entries: EntryText[] = [];
  let from = 0;
  let bytes = 0;
  const end = (to: number): void => {
    if (to > from) entries.push({ events: to - from, text: texts.slice(from, to).join(SEPARATOR) });
    from = to;
    bytes = 0;
  };
  for (const [index, text] of texts.entries()) {
    const length = Buffer.byteLength(text) + 1;
    if (index - from === MAX_ENTRY_EVENTS || bytes + length > MAX_ENTRY_BYTES) end(index);
    bytes += length;
  }
  end(texts.length);
  return entries;
}

/** The texts of the events of an entry. */
export function textsOf(text: string): string[] {
  return text.split(SEPARATOR);
}

/**
 * An entry's id as the engine's callers see it: that of Redis, followed by the number of its events and bytes, so that
 * they needn't be read again to be subtracted from the counters.
 */
export function idOf(streamId: string, events: number | string, bytes: number | string): string {
  return `${streamId}/${events}/${bytes}`;
}

/** Returns the three parts of an id. */
export function partsOf(id: string): [streamId: string, events: string, bytes: string] {
  const [streamId = '', events = '0', bytes = '0'] = id.split('/');
  return [streamId, events, bytes];
}

/** When an entry was appended, in milliseconds since 1970 on the clock of Redis. */
export function timeOf(id: string): number {
  return Number.parseInt(id, 10);
}

/** Redis returns the fields of an entry, and those of a hash, as one list. */
export function pairsOf(list: readonly string[]): [string, string][] {
  const pairs: [string, string][] = [];
  for (let at = 0; at < list.length; at += 2) pairs.push([list[at] ?? '', list[at + 1] ?? '']);
  return pairs;
}
