// A middleware for Koa 3 and 2: adds `ctx.analytics`. Next: ../request/request-binder.ts.
import type { Context, Middleware } from 'koa';
import type { Analytics } from '../analytics.js';
import type { AnyEvents } from '../event/event.js';
import type { RequestAnalytics } from '../request/request-analytics.js';
import { RequestBinder, type RequestOptions } from '../request/request-binder.js';
import { type RequestFields, requestIdOf } from '../request/request-fields.js';

export { type ClosableServer, closeServer } from '../request/close-server.js';
export type { RequestAnalytics, RequestEvent, RequestTrackEvent } from '../request/request-analytics.js';
export type { RequestOptions } from '../request/request-binder.js';
export type { RequestReaders } from '../request/request-source.js';

/**
 * Declares names and properties of the events that `ctx.analytics` tracks, for the compiler. While it is empty, any
 * event is allowed. To declare events:
 *
 * `declare module '@offthread/sdk/koa' { interface KoaEvents extends MyEvents {} }`
 */
// biome-ignore lint/suspicious/noEmptyInterface: filled by declaration merging.
export interface KoaEvents {}

type DeclaredEvents = keyof KoaEvents extends never ? AnyEvents : KoaEvents;

declare module 'koa' {
  interface ExtendableContext {
    analytics: RequestAnalytics<DeclaredEvents>;
  }
}

export type KoaAnalyticsOptions = RequestOptions<Context>;

/**
 * Adds `ctx.analytics`, which fills in ids and context of the request. Add it before the handlers that track. It
 * doesn't close the client: call `closeServer()` for that.
 *
 * @throws {ValidationError} `invalid_setting`
 */
export function koaAnalytics(
  analytics: Analytics<DeclaredEvents>,
  options: KoaAnalyticsOptions = {},
): Middleware {
  const binder = new RequestBinder('koaAnalytics', analytics, options, fieldsOf);
  return (ctx, next) => {
    const { analytics, run } = binder.bind(ctx);
    Object.assign(ctx, { [binder.decorateAs]: analytics });
    return run(next);
  };
}

function fieldsOf({ ip, protocol, host, originalUrl, headers, req }: Context): RequestFields {
  const header = headers['x-request-id'];
  return {
    ip,
    protocol,
    host,
    target: originalUrl,
    userAgent: headers['user-agent'],
    acceptLanguage: headers['accept-language'],
    referrer: headers.referer,
    requestId: requestIdOf('id' in req ? req.id : undefined, typeof header === 'string' ? header : undefined),
  };
}
