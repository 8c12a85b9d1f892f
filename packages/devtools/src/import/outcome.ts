// In: what the SDK says of an event. Out: what that means for its line, and for those that follow. Used by importer.ts.
import type { AnalyticsError } from '@offthread/sdk';
import { adviceFor } from '../destination.js';

/** How a line ended. `skipped`: there was nothing in it. */
export type Outcome =
  | { readonly type: 'delivered' | 'skipped' }
  | { readonly type: 'failed'; readonly code: string; readonly reason: string };

/** Codes of events that are not settled, but were still under way at the end: they come again in the next run. */
const UNSETTLED: ReadonlySet<string> = new Set(['closed', 'exit_timeout']);

/** Codes that concern one event. All others would be those of every event that follows. */
const OF_ONE_EVENT: ReadonlySet<string> = new Set([
  'invalid_event',
  'event_too_large',
  'unserializable',
  'worker_crashed',
]);

/** What became of a line. `open`: that is not known. `halt`: neither this line nor any other has a chance. */
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
