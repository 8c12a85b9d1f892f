// A request -> the page that its events name. Used by context.ts.
import type { FastifyRequest } from 'fastify';

/** The request's own URL, as the client sees it. */
export interface RequestedPage {
  /** Undefined if the request doesn't say so, or says what isn't a URL. */
  readonly url: string | undefined;
  readonly path: string;
  readonly search: string;
}

/** A target in absolute form, as proxies get it: protocol, host, and what is a target in the usual form. */
const ABSOLUTE = /^(https?):\/\/(?:[^/?#]*@)?([^/?#@]*)(.*)$/i;

/** Names and addresses, with or without a port. Anything else in `Host` is a mistake or an attempt. */
const HOST = /^(?:[\w.~-]+|\[[\da-f:.]+\])(?::\d{1,5})?$/i;

/** Reads the target of a request. The host is that of an absolute target, if there is one: RFC 9112, section 3.2.2. */
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
  // HTTP/1.0 knows no Host, and `OPTIONS *` no path.
  if (!/^https?$/i.test(protocol) || !HOST.test(host) || !target.startsWith('/')) return undefined;
  const url = `${protocol}://${host}${target}`;
  return URL.canParse(url) ? url : undefined;
}
