// What the context of a request is read from. Each framework's entry reads it from its own requests. Used by context.ts.

/** A request in the terms of HTTP. */
export interface RequestFields {
  readonly ip: string | undefined;
  readonly protocol: string | undefined;
  readonly host: string | undefined;
  /** The path and the query, or an absolute URL, which takes precedence over `protocol` and `host`. */
  readonly target: string | undefined;
  readonly userAgent: string | undefined;
  readonly acceptLanguage: string | undefined;
  readonly referrer: string | undefined;
  readonly requestId: string | undefined;
}

/** The longest request id that is taken from a header. The client can send anything there. */
const MAX_ID_LENGTH = 200;

/**
 * The id that a middleware has given the request, or otherwise the one in the header `X-Request-Id`, as a proxy sends
 * it.
 */
export function requestIdOf(given: unknown, header: string | undefined): string | undefined {
  if (typeof given === 'number' || (typeof given === 'string' && given !== '')) return String(given);
  return header === '' || (header?.length ?? 0) > MAX_ID_LENGTH ? undefined : header;
}
