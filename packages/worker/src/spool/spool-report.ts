// What a spool reports to `onError`. Pure. Used by spool.ts.
import type { Loss, SpoolReport, WorkerSpool } from '../protocol.js';

type Directory = Pick<WorkerSpool, 'directory'>;

/** The disk fails. */
export function failureReport({ directory }: Directory, error: unknown): SpoolReport {
  const cause = error instanceof Error ? error.message : String(error);
  const message = `The spool in ${directory} fails: ${cause}. Events go on in memory, and the disk is tried again`;
  return { code: 'spool_failed', message, cause };
}

/** Something is set wrong, here or at the API. */
export function pauseReport(code: Loss['code'], reason: string, status: number | undefined): SpoolReport {
  const message = `${reason}. Events wait on the disk; it is tried again every minute`;
  return { code, message, status, attempts: 1 };
}

/** There are runs that other write keys have left. */
export function foreignReport({ directory }: Directory, count: number): SpoolReport {
  const message = `${count} runs in ${directory} were written under other write keys, and are not sent; \`offthread spool replay --write-key\` sends them`;
  return { code: 'spool_foreign', message, count };
}

/** @param reason the number of the segment's format, or the error when it was read. */
export function leftAloneReport(path: string, reason: unknown): SpoolReport {
  const isForeign = typeof reason === 'number';
  const why = isForeign
    ? `has format ${reason}, which this version doesn't know`
    : `can't be read: ${reason}`;
  return {
    code: isForeign ? 'spool_foreign' : 'spool_damaged',
    message: `${path} ${why}; it is left there`,
  };
}
