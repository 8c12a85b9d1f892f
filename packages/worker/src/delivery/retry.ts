// Response -> verdict: what to do about a batch now. Pure: clock and random are arguments. Next: outcome.ts.
import type { Response } from '../http/response.js';
import { holdFor } from '../http/retry-after.js';
import type { FailureCode } from '../protocol.js';

/** Milliseconds the first backoff may last at most; each one after it twice as long as the one before. */
export const BACKOFF_BASE_MS = 500;

/** Milliseconds no backoff exceeds. */
export const BACKOFF_CAP_MS = 60_000;

export type Verdict =
  | { readonly type: 'delivered' }
  /** Somebody in this batch is refused: send each half by itself. */
  | { readonly type: 'halve' }
  /** Again after `delay` ms, at the cost of one retry. */
  | { readonly type: 'retry'; readonly delay: number }
  /** Again at once, with a new access token or connection; costs no retry. */
  | { readonly type: 'renew' }
  /** The server asked for `delay` ms of silence; costs no retry. */
  | { readonly type: 'hold'; readonly delay: number }
  /** With a spool: something is set wrong, here or there, and no event is to blame. Again after `delay` ms. */
  | { readonly type: 'pause'; readonly delay: number; readonly code: FailureCode; readonly message: string }
  | { readonly type: 'fail'; readonly code: FailureCode; readonly message: string };

/** What has been tried for the batch so far. */
export interface Tries {
  /** All of them, the first one included. */
  readonly attempts: number;
  /** Retries that count against `maxRetries`. */
  readonly retries: number;
  /** Milliseconds since the first attempt began. */
  readonly elapsed: number;
  /** Events in the batch. */
  readonly events: number;
  /** Milliseconds left of the backoff, if a flush had the last attempt made before its end. */
  readonly left?: number | undefined;
}

export interface RetryPolicy {
  readonly maxRetries: number;
  readonly maxRetryDuration: number;
  /** Set if events are on the disk: they wait as long as it takes, and only what is wrong with an event fails it. */
  readonly spool?: unknown;
}

/** Milliseconds between two attempts of a source that is paused: as often as it is reported. */
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

/** Whether a refusal concerns the event that was sent alone, and not the source. */
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
    // Nothing is wrong with the server. Once, because a new connection is not stale.
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
    const message = `The ${from} redirects (${status}${where}), which is never followed; ${remedy}`;
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

/** Full jitter: anything from nothing to the exponential bound, so that clients that failed together part. */
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
  const message = `Gave up: the next try would come later than the ${policy.maxRetryDuration} ms of maxRetryDuration: ${reason}`;
  return { type: 'fail', code: 'retry_duration_exceeded', message };
}

/** @param unauthorized a new access token was refused: with 511, as analytics-node has it, another may do. */
function isRetryable(status: number, unauthorized = false): boolean {
  if (status === 408 || status === 410 || status === 429 || status === 460) return true;
  if (status === 511) return unauthorized;
  return status >= 500 && status !== 501 && status !== 505;
}

/** The token server's: the same, and what analytics-node asks it again for. */
function isRetryableToken(status: number): boolean {
  return status === 403 || status === 404 || status === 425 || isRetryable(status, true);
}

/** Why a batch is sent once more, for people. */
export function reasonOf(reply: Response & { readonly type: 'reply' }): string {
  const { from = 'API' } = reply;
  return from === 'API' ? describe(reply) : `the ${from} answered ${describe(reply)}`;
}

/** A reply, for people. */
export function describe({ status, text }: { readonly status: number; readonly text: string }): string {
  return text === '' ? `status ${status}` : `status ${status}, ${text}`;
}
