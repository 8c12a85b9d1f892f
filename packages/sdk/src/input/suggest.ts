// Suggests a known name for an unknown setting or field. Used wherever names are checked.
import { keyOf, type OtherNames } from './other-names.js';

/** Longer than any name in another library. */
const MAX_LENGTH = 40;

/**
 * Returns `; did you mean 'host'?` if a known name is at most two typing errors away, otherwise an empty string. For
 * the name of another library, in `others`, it returns the advice given there.
 */
export function suggest(name: string, known: Iterable<string>, others?: OtherNames): string {
  const names = [...known];
  const key = name.length > MAX_LENGTH ? '' : keyOf(name);
  const other = others?.get(key);
  // A known name in another style, such as snake case, takes precedence. Advice must not name a field that isn't known
  // here.
  if (other !== undefined && !names.some((candidate) => keyOf(candidate) === key)) {
    if (other.name === undefined || names.includes(other.name)) return other.more;
    return '';
  }
  let best: string | undefined;
  let least = 3;
  for (const candidate of names) {
    // The distance is at least the difference in length, so long names cost nothing.
    if (Math.abs(name.length - candidate.length) >= least) continue;
    const errors = distance(name.toLowerCase(), candidate.toLowerCase());
    if (errors < least) [best, least] = [candidate, errors];
  }
  return best === undefined ? '' : `; did you mean '${best}'?`;
}

/**
 * The Levenshtein distance: the number of insertions, deletions and substitutions that turn one word into the other.
 */
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
