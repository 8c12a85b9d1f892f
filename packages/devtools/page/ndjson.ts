// Saves events as a file with one JSON text per line, in order of arrival.
import type { EventRow } from './row.js';
import { visible } from './visible.js';

/** Makes the browser save the events of some rows. `offthread import` and most tools can read the file. */
export function saveAsNdjson(rows: readonly EventRow[], now: Date): void {
  // A line break in JSON is always between values, because in a string it is escaped.
  const lines = rows.map(({ text }) => `${visible(text.replace(/[\r\n]+/g, ' '))}\n`);
  const url = URL.createObjectURL(new Blob(lines, { type: 'application/x-ndjson' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = `offthread-${now.toISOString().slice(0, 19).replaceAll(':', '-')}.ndjson`;
  link.click();
  // The browser must have started to read it.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
