// The headers that let a browser send events from the pages of other origins.
import type { IncomingHttpHeaders } from 'node:http';

/** Seconds for which a browser may remember the answer to a preflight. Chromium does for no longer. */
const MAX_AGE_S = 7_200;

/** Origins whose pages may send, like `https://shop.example.com`; `*` for every one. */
export type AllowedOrigins = '*' | readonly string[];

/** Whether a request asks what a page may send, and carries no events. */
export function isPreflight(method: string, headers: IncomingHttpHeaders): boolean {
  return method === 'OPTIONS' && headers.origin !== undefined && requestedMethod(headers) !== undefined;
}

/** The method that a preflight asks about. */
export function requestedMethod(headers: IncomingHttpHeaders): string | undefined {
  return headers['access-control-request-method'];
}

/**
 * The headers of the reply to a request with these headers. None that allows anything when its origin is not allowed, or
 * when it names none, as programs do.
 *
 * The origin is named instead of `*`, because `sendBeacon` always sends with credentials, which `*` does not cover. No
 * cookie means anything to this API.
 */
export function corsHeaders(headers: IncomingHttpHeaders, origins: AllowedOrigins): Record<string, string> {
  const { origin } = headers;
  const vary = { vary: 'Origin' };
  if (origin === undefined || !(origins === '*' || origins.includes(origin))) return vary;
  const always = {
    ...vary,
    'access-control-allow-origin': origin,
    'access-control-allow-credentials': 'true',
    'access-control-expose-headers': 'Retry-After, X-RateLimit-Reset',
  };
  const method = requestedMethod(headers);
  if (method === undefined) return always;
  return {
    ...always,
    'access-control-allow-methods': 'GET, POST',
    // What a page may set is no matter here: nothing is believed of a header but the write key.
    'access-control-allow-headers': headers['access-control-request-headers'] ?? 'Content-Type',
    'access-control-max-age': String(MAX_AGE_S),
  };
}
