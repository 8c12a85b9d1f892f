// Selects which of the first entries of a partition are sent together. Pure. Used by partition-drain.ts.
import { MAX_BATCH_EVENTS, MAX_BODY_BYTES } from '@offthread/worker/limits';
import type { Entry } from '../engine/engine.js';

/**
 * Most entries to send together, by the marks of the first. An entry with more marks is never sent again: three relays
 * have ended while they sent nothing else. Relays that are killed for other reasons hardly ever do.
 */
const MAX_ENTRIES = [MAX_BATCH_EVENTS, 16, 1, 1, 1] as const;

/** Whether an entry is never sent again. */
export function hasEndedRelays({ marks }: Entry): boolean {
  return marks >= MAX_ENTRIES.length;
}

/** Returns the entries to send with the first one. Entries that may end a process are sent apart from the others. */
export function togetherWith(first: Entry, found: readonly Entry[]): readonly Entry[] {
  const most = MAX_ENTRIES[first.marks] ?? 1;
  const other = found.findIndex(({ marks }) => marks !== first.marks);
  return found.slice(0, other === -1 ? most : Math.min(most, other));
}

/** Whether so much was there that more is probably waiting. */
export function areMany(entries: readonly Entry[]): boolean {
  let events = 0;
  let length = 0;
  for (const { texts } of entries) {
    events += texts.length;
    for (const text of texts) length += text.length;
  }
  return events >= MAX_BATCH_EVENTS / 2 || length >= MAX_BODY_BYTES / 2;
}
