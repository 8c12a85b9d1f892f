// The headers that allow a browser to send events from pages of other origins.
import type { IncomingHttpHeaders } from 'node:http';

/** Seconds for which a browser may cache the answer to a preflight. Chromium doesn't cache it for longer. */
const MAX_AGE_S = 7_200;

/** Origins whose pages may send events, like `https://shop.example.com`; `*` for all. */
export type AllowedOrigins = '*' | readonly string[];

/** Whether a request is a preflight, which asks what a page may send and contains no events. */
export function isPreflight(method: string, headers: IncomingHttpHeaders): boolean {
  return method === 'OPTIONS' && headers.origin !== undefined && requestedMethod(headers) !== undefined;
}

/** The method that a preflight asks about. */
export function requestedMethod(headers: IncomingHttpHeaders): string | undefined {
  return headers['access-control-request-method'];
}

/**
 * Returns the headers of the reply to a request with these headers. They allow nothing if the origin isn't allowed, or
 * if the request names none, as those of programs.
 *
 * They name the origin instead of `*`, because `sendBeacon` always sends with credentials, and `*` doesn't allow those.
 * Cookies have no meaning to this API.
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
    // Any header is allowed, because the API trusts no header except for the write key.
    'access-control-allow-headers': headers['access-control-request-headers'] ?? 'Content-Type',
    'access-control-max-age': String(MAX_AGE_S),
  };
}
