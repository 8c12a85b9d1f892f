// A middleware for Express 5 and 4: adds `request.analytics`. Next: ../request/request-binder.ts.
import type { Request, RequestHandler } from 'express';
import type { Analytics } from '../analytics.js';
import type { AnyEvents } from '../event/event.js';
import { nodeRequestFields } from '../request/node-request.js';
import type { RequestAnalytics } from '../request/request-analytics.js';
import { RequestBinder, type RequestOptions } from '../request/request-binder.js';

export { type ClosableServer, closeServer } from '../request/close-server.js';
export type { RequestAnalytics, RequestEvent, RequestTrackEvent } from '../request/request-analytics.js';
export type { RequestOptions } from '../request/request-binder.js';
export type { RequestReaders } from '../request/request-source.js';

/**
 * Declares names and properties of the events that `request.analytics` tracks, for the compiler. While it is empty, any
 * event is allowed. To declare events:
 *
 * `declare module '@offthread/sdk/express' { interface ExpressEvents extends MyEvents {} }`
 */
// biome-ignore lint/suspicious/noEmptyInterface: filled by declaration merging.
export interface ExpressEvents {}

type DeclaredEvents = keyof ExpressEvents extends never ? AnyEvents : ExpressEvents;

declare global {
  namespace Express {
    interface Request {
      analytics: RequestAnalytics<DeclaredEvents>;
    }
  }
}

export type ExpressAnalyticsOptions = RequestOptions<Request>;

/**
 * Adds `request.analytics`, which fills in ids and context of the request. Add it before the handlers that track. It
 * doesn't close the client: call `closeServer()` for that.
 *
 * @throws {ValidationError} `invalid_setting`
 */
export function expressAnalytics(
  analytics: Analytics<DeclaredEvents>,
  options: ExpressAnalyticsOptions = {},
): RequestHandler {
  const binder = new RequestBinder('expressAnalytics', analytics, options, nodeRequestFields);
  return (request, _response, next) => {
    const { analytics, run } = binder.bind(request);
    Object.assign(request, { [binder.decorateAs]: analytics });
    run(next);
  };
}
