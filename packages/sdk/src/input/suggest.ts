// A name nobody knows -> the known name it may have been meant as. Used by settings.ts and event.ts.
import { keyOf, type OtherNames } from './other-names.js';

/** No name has more letters than that. */
const MAX_LENGTH = 40;

/**
 * `; did you mean 'host'?` if a known name is at most two typing errors away, otherwise nothing. What is a name in
 * `others`, which other libraries have, is answered as they say.
 */
export function suggest(name: string, known: Iterable<string>, others?: OtherNames): string {
  const names = [...known];
  const key = name.length > MAX_LENGTH ? '' : keyOf(name);
  const other = others?.get(key);
  // A known name in another style comes first, and one that isn't known here is no answer.
  if (other !== undefined && !names.some((candidate) => keyOf(candidate) === key)) {
    if (other.name === undefined || names.includes(other.name)) return other.more;
    return '';
  }
  let best: string | undefined;
  let least = 3;
  for (const candidate of names) {
    // Each letter too many is an error: a name of any length costs nothing.
    if (Math.abs(name.length - candidate.length) >= least) continue;
    const errors = distance(name.toLowerCase(), candidate.toLowerCase());
    if (errors < least) [best, least] = [candidate, errors];
  }
  return best === undefined ? '' : `; did you mean '${best}'?`;
}

/** Levenshtein's distance: insertions, deletions and replacements that make one word of the other. */
function distance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (const [i, letter] of [...from].entries()) {
    const next = [i + 1];
    for (let j = 0; j < to.length; j++) {
      const replaced = (row[j] ?? 0) + (letter === to[j] ? 0 : 1);
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
