// Decides what to do about a batch after a response. Pure: the clock and random are arguments. Next: outcome.ts.
import type { Response } from '../http/response.js';
import { holdFor } from '../http/retry-after.js';
import type { FailureCode } from '../protocol.js';

/** Longest first backoff in milliseconds. Each later one may last twice as long as the one before. */
export const BACKOFF_BASE_MS = 500;

/** Longest backoff in milliseconds. */
export const BACKOFF_CAP_MS = 60_000;

export type Verdict =
  | { readonly type: 'delivered' }
  /** An event of this batch is refused: send each half separately. */
  | { readonly type: 'halve' }
  /** Try again after `delay` ms. Counts as a retry. */
  | { readonly type: 'retry'; readonly delay: number }
  /** Try again at once with a new access token or connection. Doesn't count as a retry. */
  | { readonly type: 'renew' }
  /** The server asked for a pause of `delay` ms. Doesn't count as a retry. */
  | { readonly type: 'hold'; readonly delay: number }
  /**
   * With a spool: a setting is wrong, on this side or the server's, and no event is at fault. Try again after `delay`
   * ms.
   */
  | { readonly type: 'pause'; readonly delay: number; readonly code: FailureCode; readonly message: string }
  | { readonly type: 'fail'; readonly code: FailureCode; readonly message: string };

/** What has been tried for the batch so far. */
export interface Tries {
  /** All attempts, including the first. */
  readonly attempts: number;
  /** Retries that count against `maxRetries`. */
  readonly retries: number;
  /** Milliseconds since the first attempt began. */
  readonly elapsed: number;
  /** Events in the batch. */
  readonly events: number;
  /** Milliseconds left of the backoff, if a flush made the last attempt before it ended. */
  readonly left?: number | undefined;
}

export interface RetryPolicy {
  readonly maxRetries: number;
  readonly maxRetryDuration: number;
  /** Set if events are on disk. They then wait as long as necessary, and fail only for a fault of their own. */
  readonly spool?: unknown;
}

/** Milliseconds between attempts while a source is paused. Reports of the pause have the same interval. */
export const PAUSE_MS = 60_000;

/** The whole of the retry policy. */
export function judge(
  response: Response,
  tries: Tries,
  policy: RetryPolicy,
  random: () => number,
  now: number,
): Verdict {
  const verdict = judgeResponse(response, tries, policy, random, now);
  if (policy.spool === undefined || verdict.type !== 'fail' || isAboutEvent(response)) return verdict;
  return { ...verdict, type: 'pause', delay: PAUSE_MS };
}

/** Whether a refusal concerns the single event that was sent, and not the source. */
function isAboutEvent(response: Response): boolean {
  if (response.type !== 'reply' || (response.from ?? 'API') !== 'API') return false;
  return response.status === 400 || response.status === 413;
}

function judgeResponse(
  response: Response,
  tries: Tries,
  policy: RetryPolicy,
  random: () => number,
  now: number,
): Verdict {
  if (response.type === 'refused') return { type: 'fail', code: response.code, message: response.message };
  if (response.type === 'fault') {
    // The server has no problem. Only once, because a new connection can't be stale.
    if (response.reused && tries.attempts === 1) return { type: 'renew' };
    return again(response.message, tries, policy, random);
  }

  const { status, from = 'API' } = response;
  const isAPI = from === 'API';
  const answer = describe(response);
  if (status >= 200 && status < 300) return { type: 'delivered' };
  if (status >= 300 && status < 400) {
    const where = response.location === undefined ? '' : ` to ${response.location}`;
    const remedy = `set ${isAPI ? 'host and path' : 'oauth.authServer'} to the final address`;
    const message = `The ${from} answered with a redirect (${status}${where}), which is never followed; ${remedy}`;
    return { type: 'fail', code: 'redirected', message };
  }
  if (response.stale) return { type: 'renew' };
  if (isAPI && (status === 413 || status === 400) && tries.events > 1) return { type: 'halve' };
  if (!(isAPI ? isRetryable(status, response.unauthorized) : isRetryableToken(status))) {
    const code = isAPI ? 'rejected' : 'token_refused';
    return { type: 'fail', code, message: `The ${from} refused: ${answer}` };
  }

  const hold = status === 429 || status === 503 ? holdFor(response, now) : undefined;
  const reason = reasonOf(response);
  if (hold === undefined) return again(reason, tries, policy, random);
  return withinDuration({ type: 'hold', delay: hold }, reason, tries, policy);
}

/** Full jitter: a random delay between 0 and the exponential bound, so that clients that failed together spread out. */
export function backoff(retries: number, random: () => number): number {
  return random() * Math.min(BACKOFF_CAP_MS, BACKOFF_BASE_MS * 2 ** retries);
}

function again(reason: string, tries: Tries, policy: RetryPolicy, random: () => number): Verdict {
  if (tries.retries >= policy.maxRetries && policy.spool === undefined) {
    const message = `Gave up after ${tries.retries} retries: ${reason}`;
    return { type: 'fail', code: 'retries_exhausted', message };
  }
  const delay = tries.left ?? backoff(tries.retries, random);
  return withinDuration({ type: 'retry', delay }, reason, tries, policy);
}

function withinDuration(
  verdict: { readonly type: 'retry' | 'hold'; readonly delay: number },
  reason: string,
  tries: Tries,
  policy: RetryPolicy,
): Verdict {
  if (policy.spool !== undefined || tries.elapsed + verdict.delay <= policy.maxRetryDuration) return verdict;
  const message = `Gave up, because the next attempt would be later than maxRetryDuration (${policy.maxRetryDuration} ms) allows: ${reason}`;
  return { type: 'fail', code: 'retry_duration_exceeded', message };
}

/**
 * @param unauthorized whether a new access token was refused. As in analytics-node, a 511 is then retried with another
 * token.
 */
function isRetryable(status: number, unauthorized = false): boolean {
  if (status === 408 || status === 410 || status === 429 || status === 460) return true;
  if (status === 511) return unauthorized;
  return status >= 500 && status !== 501 && status !== 505;
}

/** The same for the token server, plus the statuses for which analytics-node retries there. */
function isRetryableToken(status: number): boolean {
  return status === 403 || status === 404 || status === 425 || isRetryable(status, true);
}

/** Why a batch is sent again, for people. */
export function reasonOf(reply: Response & { readonly type: 'reply' }): string {
  const { from = 'API' } = reply;
  return from === 'API' ? describe(reply) : `the ${from} answered ${describe(reply)}`;
}

/** Describes a reply, for people. */
export function describe({ status, text }: { readonly status: number; readonly text: string }): string {
  return text === '' ? `status ${status}` : `status ${status}, ${text}`;
}
