// In: how an import ended. Out: that, as JSON and as lines for people. Next: commands/import.ts prints it.

import { counted } from '../output.js';
import type { Tally } from './checkpoint.js';
import { count, duration } from './meter.js';
import type { Signal } from './signals.js';

/** How an import ended. The counts are those of all its runs. */
export interface Summary extends Tally {
  /** `done`, or what ended it before: `stopped` by trouble, or the name of a signal. */
  readonly ending: 'done' | 'stopped' | Signal;
  readonly trouble?: string | undefined;
  readonly dryRun: boolean;
  /** All lines up to this one are settled. */
  readonly line: number;
  /** What a line is called. */
  readonly unit: 'line' | 'element' | 'row';
  /** Of this run. */
  readonly elapsedMs: number;
  /** The file with the failed lines, where there is one. */
  readonly deadLetter?: string | undefined;
  /** Whether the same command goes on from there. */
  readonly resumable: boolean;
}

/** The summary for people. */
export function summaryLines(summary: Summary): string[] {
  const { ending, dryRun, unit, elapsedMs, deadLetter, resumable } = summary;
  const { delivered, failed, blank, undated, inSeconds, repeated } = summary;
  const verb = dryRun ? 'Checked' : 'Imported';
  const first = `${verb} ${counted(delivered + failed + blank, unit)} in ${duration(elapsedMs)}`;
  const goOn = resumable ? '; the same command goes on there.' : '.';
  return [
    ending === 'done' ? `${first}.` : `${first}, then stopped${goOn}`,
    `  ${dryRun ? 'good     ' : 'delivered'}  ${count(delivered)}`,
    `  failed     ${count(failed)}${deadLetter === undefined ? '' : `  in ${deadLetter}, with reasons beside it`}`,
    ...(blank > 0 ? [`  blank      ${count(blank)}`] : []),
    ...(repeated > 0
      ? [
          `  Equal to an earlier ${unit}, without a messageId: ${count(repeated)}. ${of(repeated, 'Its', 'Their')} messageId is that of the other one, so the API takes both as one.`,
        ]
      : []),
    ...(undated > 0
      ? [
          `  Without a timestamp: ${count(undated)}, which ${of(undated, 'counts', 'count')} as of the moment of the import.`,
        ]
      : []),
    ...(inSeconds > 0
      ? [
          `  Timestamps that look like seconds: ${count(inSeconds)}, which ${of(inSeconds, 'was', 'were')} read as milliseconds, a time around 1970.`,
        ]
      : []),
  ];
}

function of(value: number, one: string, many: string): string {
  return value === 1 ? one : many;
}
