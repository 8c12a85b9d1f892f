// The page in the `context` of events that are tracked on a request. Used by context.ts.
import type { FastifyRequest } from 'fastify';

/** The URL of the request as the client sees it. */
export interface RequestedPage {
  /** Undefined if the request has no host, or isn't for a valid URL. */
  readonly url: string | undefined;
  readonly path: string;
  readonly search: string;
}

/** A target in absolute form, as sent to proxies: protocol, host and path. */
const ABSOLUTE = /^(https?):\/\/(?:[^/?#]*@)?([^/?#@]*)(.*)$/i;

/** A name or an address, with an optional port. Anything else in `Host` is a mistake or an attack. */
const HOST = /^(?:[\w.~-]+|\[[\da-f:.]+\])(?::\d{1,5})?$/i;

/** The host in an absolute target takes precedence over the header. Source: RFC 9112, section 3.2.2. */
export function requestedPage(request: FastifyRequest): RequestedPage {
  const { originalUrl } = request;
  const [, protocol, host, rest] = originalUrl.startsWith('/') ? [] : (ABSOLUTE.exec(originalUrl) ?? []);
  const target = rest === undefined ? originalUrl : rest.startsWith('/') ? rest : `/${rest}`;
  const mark = target.indexOf('?');
  return {
    url: urlOf(protocol ?? request.protocol, host ?? request.host, target),
    path: mark < 0 ? target : target.slice(0, mark),
    search: mark < 0 ? '' : target.slice(mark),
  };
}

function urlOf(protocol: string, host: string, target: string): string | undefined {
  // HTTP/1.0 has no `Host`, and `OPTIONS *` has no path.
  if (!/^https?$/i.test(protocol) || !HOST.test(host) || !target.startsWith('/')) return undefined;
  const url = `${protocol}://${host}${target}`;
  return URL.canParse(url) ? url : undefined;
}
