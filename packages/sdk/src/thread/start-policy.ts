// Decides whether and when to retry a failed start of the worker thread. Pure. Used by shared-thread.ts.

/** Milliseconds before the second attempt to start. Doubled for each further attempt. */
const FIRST_DELAY_MS = 50;

/** Maximum milliseconds between two attempts. */
const MAX_DELAY_MS = 5_000;

/** Maximum starts that may fail because the thread ends before it is ready. */
const MAX_FAILED_LOADS = 3;

/** Errors of a temporary lack of file descriptors, threads or memory. */
const SHORTAGES = ['EMFILE', 'ENFILE', 'EAGAIN', 'ENOMEM', 'ERR_WORKER_OUT_OF_MEMORY'];

/** How a start failed: the thread couldn't be created, didn't begin to run, or ended before it was ready. */
export type StartFault = 'not made' | 'not begun' | 'not up';

/** The starts that have failed since the last successful one. */
export interface FailedStarts {
  readonly all: number;
  /** Starts whose thread ended before it was ready. */
  readonly loads: number;
}

export type StartVerdict = { readonly type: 'again'; readonly delay: number } | { readonly type: 'over' };

/** @param failed the starts that have failed, including this one. */
export function judgeStart(fault: StartFault, cause: unknown, failed: FailedStarts): StartVerdict {
  const isFinal = fault === 'not made' || (fault === 'not up' && failed.loads >= MAX_FAILED_LOADS);
  if (isFinal && !isShortage(cause)) return { type: 'over' };
  return { type: 'again', delay: Math.min(FIRST_DELAY_MS * 2 ** (failed.all - 1), MAX_DELAY_MS) };
}

/** Whether a start failed for a temporary lack of resources. */
function isShortage(cause: unknown): boolean {
  if (!(cause instanceof Error)) return false;
  const text = `${'code' in cause ? cause.code : ''} ${cause.message}`;
  return SHORTAGES.some((code) => text.includes(code));
}
