// A short preview of an event's content.
import { ExactNumber, parseExact } from './exact.js';
import type { EventRow } from './row.js';
import { visibleLine } from './visible.js';

/** Maximum characters of a preview, and of one value in it. */
const LONGEST = 140;
const LONGEST_VALUE = 60;

/** `total: 39.90, currency: EUR`: the properties or traits of an event. Created when the row is first shown. */
export function previewOf(row: EventRow): string {
  row.preview ??= preview(row.text);
  return row.preview;
}

function preview(text: string): string {
  const event = parseExact(text);
  if (typeof event !== 'object' || event === null) return '';
  const { properties, traits } = event as Record<string, unknown>;
  const fields = properties ?? traits;
  if (typeof fields !== 'object' || fields === null) return '';
  let line = '';
  for (const [name, value] of Object.entries(fields)) {
    if (line.length > LONGEST) return `${line}, …`;
    line += `${line === '' ? '' : ', '}${visibleLine(name, LONGEST_VALUE)}: ${inShort(value)}`;
  }
  return line;
}

function inShort(value: unknown): string {
  if (value instanceof ExactNumber) return visibleLine(value.digits, LONGEST_VALUE);
  if (Array.isArray(value)) return `[${value.length}]`;
  if (typeof value === 'object' && value !== null) return `{${Object.keys(value).length}}`;
  return visibleLine(String(value), LONGEST_VALUE);
}
