// A middleware for Hono 4 on Node.js: adds `c.var.analytics`. Next: ../request/request-binder.ts.
import type { Context, MiddlewareHandler } from 'hono';
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
 * Declares names and properties of the events that `c.var.analytics` tracks, for the compiler. While it is empty, any
 * event is allowed. To declare events:
 *
 * `declare module '@offthread/sdk/hono' { interface HonoEvents extends MyEvents {} }`
 */
// biome-ignore lint/suspicious/noEmptyInterface: filled by declaration merging.
export interface HonoEvents {}

type DeclaredEvents = keyof HonoEvents extends never ? AnyEvents : HonoEvents;

declare module 'hono' {
  interface ContextVariableMap {
    analytics: RequestAnalytics<DeclaredEvents>;
  }
}

export type HonoAnalyticsOptions = RequestOptions<Context>;

/**
 * Adds `c.var.analytics`, which fills in ids and context of the request. Add it before the handlers that track. It
 * doesn't close the client: call `closeServer()` for that.
 *
 * @throws {ValidationError} `invalid_setting`
 */
export function honoAnalytics(
  analytics: Analytics<DeclaredEvents>,
  options: HonoAnalyticsOptions = {},
): MiddlewareHandler {
  const binder = new RequestBinder('honoAnalytics', analytics, options, fieldsOf);
  return (c, next) => {
    const { analytics, run } = binder.bind(c);
    c.set(binder.decorateAs, analytics);
    return run(next);
  };
}

function fieldsOf(c: Context): RequestFields {
  const { req } = c;
  return {
    // @hono/node-server has the request of node:http here.
    ip: c.env?.incoming?.socket?.remoteAddress,
    protocol: undefined,
    host: undefined,
    // Always absolute.
    target: req.url,
    userAgent: req.header('user-agent'),
    acceptLanguage: req.header('accept-language'),
    referrer: req.header('referer'),
    requestId: requestIdOf(c.get('requestId'), req.header('x-request-id')),
  };
}
