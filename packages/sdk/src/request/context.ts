// The `context` of events that are tracked on a request. Used by request-source.ts.
import { type RequestedPage, requestedPage } from './page.js';
import type { RequestFields } from './request-fields.js';

/** All fields but `requestId` are from the spec: https://segment.com/docs/connections/spec/common/#context */
export interface RequestContext {
  /** The client's address. Behind a proxy that the framework trusts, the address that the proxy forwards. */
  readonly ip: string | undefined;
  readonly userAgent: string | undefined;
  /** The preferred language in `Accept-Language`, for example `'de-CH'`. */
  readonly locale: string | undefined;
  /** The URL of the request as the client sees it, and the referring page. */
  readonly page: RequestedPage & { readonly referrer: string | undefined };
  /** As in the server's log. */
  readonly requestId: string | undefined;
}

export function contextOf(fields: RequestFields): RequestContext {
  const { ip, userAgent, acceptLanguage, referrer, requestId } = fields;
  return {
    ip,
    userAgent,
    locale: preferred(acceptLanguage),
    page: { ...requestedPage(fields), referrer },
    requestId,
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
