// Events as a file, one JSON text a line, in the order in which they arrived.
import type { EventRow } from './row.js';
import { visible } from './visible.js';

/** Has the browser save the events of some rows. `import` and most tools read such a file. */
export function saveAsNdjson(rows: readonly EventRow[], now: Date): void {
  // A line break in JSON is between its values; in a string it is written as an escape.
  const lines = rows.map(({ text }) => `${visible(text.replace(/[\r\n]+/g, ' '))}\n`);
  const url = URL.createObjectURL(new Blob(lines, { type: 'application/x-ndjson' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = `offthread-${now.toISOString().slice(0, 19).replaceAll(':', '-')}.ndjson`;
  link.click();
  // The browser has to have begun to read it.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
