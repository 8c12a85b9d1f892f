// The summary of an import, for programs and as text.

import { counted } from '../output.js';
import type { ImportCounts } from './checkpoint.js';
import { count, duration } from './meter.js';
import type { Signal } from './signals.js';

/** How an import ended. The counts are over all its runs. */
export interface Summary extends ImportCounts {
  /** `done`, `stopped` by a problem, or the signal that stopped it. */
  readonly ending: 'done' | 'stopped' | Signal;
  readonly trouble?: string | undefined;
  readonly dryRun: boolean;
  /** All lines up to this one are settled. */
  readonly line: number;
  /** What messages call a line. */
  readonly unit: 'line' | 'element' | 'row';
  /** Milliseconds of this run. */
  readonly elapsedMs: number;
  /** The file with the failed lines, if there are any. */
  readonly deadLetter?: string | undefined;
  /** Whether the same command continues there. */
  readonly resumable: boolean;
}

/** The summary as lines of text. */
export function summaryLines(summary: Summary): string[] {
  const { ending, dryRun, unit, elapsedMs, deadLetter, resumable } = summary;
  const { delivered, failed, blank, undated, inSeconds, repeated } = summary;
  const verb = dryRun ? 'Checked' : 'Imported';
  const first = `${verb} ${counted(delivered + failed + blank, unit)} in ${duration(elapsedMs)}`;
  const goOn = resumable ? '. The same command continues there.' : '.';
  return [
    ending === 'done' ? `${first}.` : `${first}, then stopped${goOn}`,
    `  ${dryRun ? 'good     ' : 'delivered'}  ${count(delivered)}`,
    `  failed     ${count(failed)}${deadLetter === undefined ? '' : `  in ${deadLetter}, with reasons beside it`}`,
    ...(blank > 0 ? [`  blank      ${count(blank)}`] : []),
    ...(repeated > 0
      ? [
          `  Equal to an earlier ${unit}, without a messageId: ${count(repeated)}. They get the same messageId, so the API accepts only one of each.`,
        ]
      : []),
    ...(undated > 0 ? [`  Without a timestamp: ${count(undated)}, sent with the time of the import.`] : []),
    ...(inSeconds > 0
      ? [`  Timestamps that look like seconds: ${count(inSeconds)}, read as milliseconds, so around 1970.`]
      : []),
  ];
}
