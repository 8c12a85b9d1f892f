// Formats checks as lines of text. Next: commands/doctor.ts prints them.
import { styleText } from 'node:util';
import type { Check } from './check.js';

const LABELS = { ok: 'ok', warning: 'WARN', failed: 'FAIL', skipped: 'skip' } as const;
const COLOURS = { ok: 'green', warning: 'yellow', failed: 'red', skipped: 'gray' } as const;

/** A line and its prefix, which may be in colour. */
interface CheckLine {
  readonly label: string;
  readonly text: string;
}

/** The lines of one check. The status is a word, so colour isn't needed to read it. */
export function checkLines({ name, status, detail, remedy }: Check, inColour: boolean): CheckLine[] {
  const label = LABELS[status].padEnd(4);
  const shown = inColour ? styleText(COLOURS[status], label) : label;
  const first = { label: shown, text: `  ${name.padEnd(10)}  ${detail}` };
  return remedy === undefined ? [first] : [first, { label: '', text: `${' '.repeat(18)}-> ${remedy}` }];
}

/** The last line. */
export function verdictOf(checks: readonly Check[]): string {
  const failed = checks.filter(({ status }) => status === 'failed').length;
  const warnings = checks.filter(({ status }) => status === 'warning').length;
  const rest = warnings === 0 ? '' : `, ${warnings} warning${warnings === 1 ? '' : 's'}`;
  return failed === 0 ? `All is well${rest}.` : `${failed} of ${checks.length} checks failed${rest}.`;
}
