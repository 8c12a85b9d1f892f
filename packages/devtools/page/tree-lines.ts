// The lines of a value's tree, in order.
import { ExactNumber } from './exact.js';
import { count } from './format.js';
import { clip, visible, visibleLine } from './visible.js';

/** One line of the tree. */
export interface Line {
  path: string;
  /** Starts at 1. */
  level: number;
  name: string;
  /** The text after the name: the value, or a summary if the line can be opened. */
  text: string;
  kind: 'string' | 'number' | 'literal' | 'object' | 'more';
  /** `null` if the line can't be opened. */
  isOpen: boolean | null;
  position: number;
  siblings: number;
}

/** Children shown at first. A line with their number stands for the rest. */
const SHOWN = 200;

/** Characters of a string and of a name that a closed line shows. */
const LONGEST = 240;
const LONGEST_NAME = 80;

/**
 * Returns the lines below a value. `open` contains the paths that are open, and those of lists that are shown
 * completely.
 */
export function linesOf(value: unknown, open: ReadonlySet<string>, path = '$', level = 1): Line[] {
  if (!isContainer(value)) return level === 1 ? [lineOf('value', value, path, level, 1, 1, open)] : [];
  const entries = Object.entries(value);
  const shown = open.has(morePath(path)) ? entries : entries.slice(0, SHOWN);
  const lines: Line[] = [];
  for (const [index, [name, child]] of shown.entries()) {
    const childPath = `${path}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
    const line = lineOf(name, child, childPath, level, index + 1, entries.length, open);
    lines.push(line);
    if (line.isOpen) for (const below of linesOf(child, open, childPath, level + 1)) lines.push(below);
  }
  const rest = entries.length - shown.length;
  if (rest > 0) {
    lines.push({
      path: morePath(path),
      level,
      name: '',
      text: `Show ${rest} more`,
      kind: 'more',
      isOpen: false,
      position: shown.length + 1,
      siblings: entries.length,
    });
  }
  return lines;
}

/** The paths that are open at first: the event's own data, but not its context. */
export const OPEN_AT_FIRST: ReadonlySet<string> = new Set(['$/properties', '$/traits']);

function lineOf(
  name: string,
  value: unknown,
  path: string,
  level: number,
  position: number,
  siblings: number,
  open: ReadonlySet<string>,
): Line {
  const isLineOpen = open.has(path);
  const shown = isLineOpen ? visible(name) : visibleLine(name, LONGEST_NAME);
  const line = { path, level, name: shown, position, siblings };
  if (!isContainer(value)) {
    const isLong = name.length > LONGEST_NAME || lengthOf(value) > LONGEST;
    return { ...line, ...leaf(value, isLineOpen), isOpen: isLong ? isLineOpen : null };
  }
  const size = Object.keys(value).length;
  const text = Array.isArray(value) ? `[${size}]` : `{${size}}`;
  return {
    ...line,
    text,
    kind: 'object',
    isOpen: size === 0 && name.length <= LONGEST_NAME ? null : isLineOpen,
  };
}

function leaf(value: unknown, isOpen: boolean): Pick<Line, 'text' | 'kind'> {
  if (value instanceof ExactNumber) {
    return { text: isOpen ? value.digits : visibleLine(value.digits, LONGEST), kind: 'number' };
  }
  if (typeof value === 'number') return { text: String(value), kind: 'number' };
  if (typeof value !== 'string') return { text: String(value), kind: 'literal' };
  const isCut = !isOpen && value.length > LONGEST;
  const text = visible(JSON.stringify(isCut ? clip(value, LONGEST) : value));
  return { text: isCut ? `${text}… ${count(value.length)} characters` : text, kind: 'string' };
}

function lengthOf(value: unknown): number {
  if (value instanceof ExactNumber) return value.digits.length;
  return typeof value === 'string' ? value.length : 0;
}

function isContainer(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !(value instanceof ExactNumber);
}

/** In a path, `~` only occurs as ~0 or ~1. */
function morePath(path: string): string {
  return `${path}/~more`;
}
