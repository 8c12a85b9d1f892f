// The page in the `context` of events that are tracked on a request. Used by context.ts.
import type { RequestFields } from './request-fields.js';

/** The URL of the request as the client sees it. */
export interface RequestedPage {
  /** Undefined if the request has no host, or isn't for a valid URL. */
  readonly url: string | undefined;
  /** Undefined if the URL isn't known, as in a server action. */
  readonly path: string | undefined;
  readonly search: string | undefined;
}

/** A target in absolute form, as sent to proxies: protocol, host and path. */
const ABSOLUTE = /^(https?):\/\/(?:[^/?#]*@)?([^/?#@]*)(.*)$/i;

/** A name or an address, with an optional port. Anything else in `Host` is a mistake or an attack. */
const HOST = /^(?:[\w.~-]+|\[[\da-f:.]+\])(?::\d{1,5})?$/i;

/** The host in an absolute target takes precedence over the header. Source: RFC 9112, section 3.2.2. */
export function requestedPage(fields: Pick<RequestFields, 'protocol' | 'host' | 'target'>): RequestedPage {
  const { target } = fields;
  if (target === undefined) return { url: undefined, path: undefined, search: undefined };
  const [, protocol, host, rest] = target.startsWith('/') ? [] : (ABSOLUTE.exec(target) ?? []);
  const own = rest === undefined ? target : rest.startsWith('/') ? rest : `/${rest}`;
  const mark = own.indexOf('?');
  return {
    url: urlOf(own, protocol ?? fields.protocol, host ?? fields.host),
    path: mark < 0 ? own : own.slice(0, mark),
    search: mark < 0 ? '' : own.slice(mark),
  };
}

function urlOf(target: string, protocol = '', host = ''): string | undefined {
  // HTTP/1.0 has no `Host`, and `OPTIONS *` has no path.
  if (!/^https?$/i.test(protocol) || !HOST.test(host) || !target.startsWith('/')) return undefined;
  const url = `${protocol}://${host}${target}`;
  return URL.canParse(url) ? url : undefined;
}
