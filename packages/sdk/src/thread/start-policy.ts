// A failed start of the worker thread -> when to try again, or that it is over. Pure. Used by worker-thread.ts.

/** Milliseconds before the second start; before each one after it twice as many. */
const FIRST_DELAY_MS = 50;

/** Milliseconds no pause exceeds. */
const MAX_DELAY_MS = 5_000;

/** Starts that may fail because the thread ends before it is up. It would not do better the fourth time. */
const MAX_FAILED_LOADS = 3;

/** What the system says when it has none to spare at present: file descriptors, threads or memory. */
const SHORTAGES = ['EMFILE', 'ENFILE', 'EAGAIN', 'ENOMEM', 'ERR_WORKER_OUT_OF_MEMORY'];

/** How a start failed: the thread could not be made, or gave no sign of life, or ended before it was up. */
export type StartFault = 'not made' | 'not begun' | 'not up';

/** Starts that have failed since the last one that did not. */
export interface FailedStarts {
  readonly all: number;
  /** Those whose thread ended before it was up. */
  readonly loads: number;
}

export type StartVerdict = { readonly type: 'again'; readonly delay: number } | { readonly type: 'over' };

/** @param failed the starts that have failed, this one included. */
export function judgeStart(fault: StartFault, cause: unknown, failed: FailedStarts): StartVerdict {
  const isFinal = fault === 'not made' || (fault === 'not up' && failed.loads >= MAX_FAILED_LOADS);
  if (isFinal && !isShortage(cause)) return { type: 'over' };
  return { type: 'again', delay: Math.min(FIRST_DELAY_MS * 2 ** (failed.all - 1), MAX_DELAY_MS) };
}

/** Whether a start failed for want of something that the system may have again soon. */
function isShortage(cause: unknown): boolean {
  if (!(cause instanceof Error)) return false;
  const text = `${'code' in cause ? cause.code : ''} ${cause.message}`;
  return SHORTAGES.some((code) => text.includes(code));
}
