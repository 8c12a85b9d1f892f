// When a reply asks us to come again. Pure. Used by delivery's retry.ts and access-token.ts.

/** Milliseconds a `Retry-After` is raised or cut to: a server's slip must neither spin nor silence a client. */
export const HOLD_RANGE_MS = [1_000, 300_000] as const;

/**
 * Milliseconds a reply asks us to wait, in either of the two forms of `Retry-After`, or as `X-RateLimit-Reset`; undefined
 * if it says neither. A date is read against the reply's own `Date`, so that a wrong clock on this side changes nothing.
 * Source: https://www.rfc-editor.org/rfc/rfc9110#field.retry-after
 */
export function holdFor(
  reply: { readonly retryAfter?: string; readonly rateLimitReset?: string; readonly date?: string },
  now: number,
): number | undefined {
  const serverTime = httpDate(reply.date) || now;
  const delay = retryAfterDelay(reply.retryAfter, serverTime) ?? resetDelay(reply.rateLimitReset, serverTime);
  if (delay === undefined) return undefined;
  return Math.min(Math.max(delay, HOLD_RANGE_MS[0]), HOLD_RANGE_MS[1]);
}

function retryAfterDelay(given: string | undefined, serverTime: number): number | undefined {
  const text = given?.trim() ?? '';
  const delay = /^\d+$/.test(text) ? Number(text) * 1_000 : httpDate(text) - serverTime;
  return Number.isNaN(delay) ? undefined : delay;
}

/** Segment's is in seconds from now. Other APIs and gateways write the time, in seconds or milliseconds since 1970. */
function resetDelay(given: string | undefined, serverTime: number): number | undefined {
  const text = given?.trim() ?? '';
  if (!/^\d+$/.test(text)) return undefined;
  const value = Number(text);
  if (value < 1e9) return value * 1_000;
  return (value < 1e11 ? value * 1_000 : value) - serverTime;
}

/**
 * Milliseconds since 1970 of a date in any of the three forms HTTP has, NaN for anything else. The oldest of them,
 * `Sun Nov  6 08:49:37 1994`, names no zone and means GMT; JavaScript alone would take it for local time.
 */
export function httpDate(text = ''): number {
  if (!/^(Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? .*\d\d:\d\d:\d\d( GMT| \d{4})$/.test(text)) return Number.NaN;
  return Date.parse(text.endsWith(' GMT') ? text : `${text} GMT`);
}
