// A request -> what goes into `context` of its events. Used by request-analytics.ts.
import type { FastifyRequest } from 'fastify';
import { type RequestedPage, requestedPage } from './page.js';

/** Source: https://segment.com/docs/connections/spec/common/#context, all but `requestId`. */
export interface RequestContext {
  /** The client's address; behind a proxy the forwarded one, where Fastify's `trustProxy` says so. */
  readonly ip: string;
  readonly userAgent: string | undefined;
  /** What `Accept-Language` prefers, for example `'de-CH'`. */
  readonly locale: string | undefined;
  /** The request's own URL, as the client sees it, and the page that led to it. */
  readonly page: RequestedPage & { readonly referrer: string | undefined };
  /** `request.id`, as in the server's log. */
  readonly requestId: string;
}

/** Reads the request. Costs some microseconds, mostly of `ip`. */
export function contextOf(request: FastifyRequest): RequestContext {
  const { headers } = request;
  return {
    ip: request.ip,
    userAgent: headers['user-agent'],
    locale: preferred(headers['accept-language']),
    page: { ...requestedPage(request), referrer: headers.referer },
    requestId: request.id,
  };
}

const LANGUAGE = /^\s*([a-z]{2,8}(?:-[a-z\d]{1,8})*)\s*(?:;\s*q=([\d.]+)\s*)?$/i;

/** The language with the greatest weight, the first of several. Source: RFC 9110, section 12.5.4. */
function preferred(languages: string | undefined): string | undefined {
  let best: string | undefined;
  let most = 0;
  for (const each of languages?.split(',') ?? []) {
    const [, language, weight = '1'] = LANGUAGE.exec(each) ?? [];
    if (language === undefined || Number(weight) <= most) continue;
    best = language;
    most = Number(weight);
  }
  return best;
}
