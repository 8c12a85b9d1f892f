// Reads from a reply how long to wait before the next request. Pure. Used by retry.ts and access-token.ts.

/** Minimum and maximum wait in milliseconds. A server's mistake must neither cause a busy loop nor silence a client. */
export const HOLD_RANGE_MS = [1_000, 300_000] as const;

/**
 * Returns how many milliseconds a reply asks us to wait, by either form of `Retry-After` or by `X-RateLimit-Reset`, or
 * undefined if it has neither. A date is compared with the reply's own `Date`, so that a wrong local clock doesn't
 * matter.
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

/** Segment sends seconds from now. Other APIs and gateways send a time, in seconds or milliseconds since 1970. */
function resetDelay(given: string | undefined, serverTime: number): number | undefined {
  const text = given?.trim() ?? '';
  if (!/^\d+$/.test(text)) return undefined;
  const value = Number(text);
  if (value < 1e9) return value * 1_000;
  return (value < 1e11 ? value * 1_000 : value) - serverTime;
}

/**
 * Parses a date in any of the three formats of HTTP into milliseconds since 1970, or NaN. The oldest format, `Sun Nov
 * 6 08:49:37 1994`, has no zone and means GMT; `Date.parse()` would read it as local time.
 */
export function httpDate(text = ''): number {
  if (!/^(Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? .*\d\d:\d\d:\d\d( GMT| \d{4})$/.test(text)) return Number.NaN;
  return Date.parse(text.endsWith(' GMT') ? text : `${text} GMT`);
}
