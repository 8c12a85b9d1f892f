// Decides what the result of an event means for its line and for the rest of the import.
import type { AnalyticsError } from '@offthread/sdk';
import { adviceFor } from '../destination.js';

/** How a line ended. `skipped` means that it was empty. */
export type Outcome =
  | { readonly type: 'delivered' | 'skipped' }
  | { readonly type: 'failed'; readonly code: string; readonly reason: string };

/** Codes of events that were still in flight at the end. The next run sends them again. */
const UNSETTLED: ReadonlySet<string> = new Set(['closed', 'exit_timeout']);

/** Codes that concern one event. With all others, the events after it would fail as well. */
const OF_ONE_EVENT: ReadonlySet<string> = new Set([
  'invalid_event',
  'event_too_large',
  'unserializable',
  'worker_crashed',
]);

/** The outcome of a line. `open`: not known. `halt`: this line and all after it would fail. */
export function outcomeOf(
  error: AnalyticsError | undefined,
): Outcome | { readonly type: 'open' } | { readonly type: 'halt'; readonly trouble: string } {
  if (error === undefined) return { type: 'delivered' };
  const { code, status, message } = error;
  if (UNSETTLED.has(code)) return { type: 'open' };
  const isRefused = code === 'rejected' && (status === 400 || status === 413);
  if (isRefused || OF_ONE_EVENT.has(code)) return { type: 'failed', code, reason: message };
  return { type: 'halt', trouble: [message, adviceFor(error)].filter(Boolean).join('. ') };
}
