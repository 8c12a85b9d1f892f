// The `context` of events that are tracked on a request. Used by request-source.ts.
import type { FastifyRequest } from 'fastify';
import { type RequestedPage, requestedPage } from './page.js';

/** All fields but `requestId` are from the spec: https://segment.com/docs/connections/spec/common/#context */
export interface RequestContext {
  /** The client's address. With Fastify's `trustProxy`, the address that the proxy forwards. */
  readonly ip: string;
  readonly userAgent: string | undefined;
  /** The preferred language in `Accept-Language`, for example `'de-CH'`. */
  readonly locale: string | undefined;
  /** The URL of the request as the client sees it, and the referring page. */
  readonly page: RequestedPage & { readonly referrer: string | undefined };
  /** `request.id`, as in the server's log. */
  readonly requestId: string;
}

/** Takes some microseconds, most of them for `ip`. */
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

/** The language with the highest weight, the first one if there are several. Source: RFC 9110, section 12.5.4. */
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
