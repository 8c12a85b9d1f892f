// For Next.js: one client for the whole process, and the six methods for requests of route handlers, server actions and
// server components. Next: ../request/request-binder.ts.
import { Analytics } from '../analytics.js';
import { show, ValidationError } from '../errors.js';
import type { AnyEvents, EventMap } from '../event/event.js';
import { field, plainFields } from '../input/fields.js';
import type { RequestAnalytics } from '../request/request-analytics.js';
import { RequestBinder, type RequestOptions } from '../request/request-binder.js';
import { type RequestFields, requestIdOf } from '../request/request-fields.js';
import { type AnalyticsSettings, SETTINGS } from '../settings/analytics-settings.js';

export type { RequestAnalytics, RequestEvent, RequestTrackEvent } from '../request/request-analytics.js';
export type { RequestOptions } from '../request/request-binder.js';
export type { RequestReaders } from '../request/request-source.js';

/** A request of a route handler. `{ headers: await headers() }` in a server action or component, which has no URL. */
export interface NextRequestLike {
  readonly headers: { get(name: string): string | null };
  readonly url?: string | undefined;
}

/** The settings of the client, and how to read requests. */
export interface NextAnalyticsOptions<Request extends NextRequestLike>
  extends AnalyticsSettings,
    Omit<RequestOptions<Request>, 'decorateAs'> {
  /**
   * `after` of `next/server`. If it is set, `route()` flushes after the response, and the platform waits for it. For
   * serverless platforms, which freeze the process after the response. Default: none.
   */
  readonly after?: ((task: () => Promise<unknown>) => void) | undefined;
}

/** What `nextAnalytics()` returns. */
export interface NextAnalytics<Request extends NextRequestLike, Events extends EventMap<Events>> {
  /** The client, for events outside of requests, for `flushAsync()` and for `stats()`. */
  readonly client: Analytics<Events>;
  /** The six methods, with ids and context of the request. */
  of(request: Request): RequestAnalytics<Events>;
  /**
   * Wraps a route handler: with `withContext`, events of the client inherit ids and context of the request; with
   * `after`, events are delivered after the response.
   */
  route<Handled extends Request, Rest extends unknown[], Result>(
    handler: (request: Handled, ...rest: Rest) => Result,
  ): (request: Handled, ...rest: Rest) => Result;
}

const OWN_OPTIONS = ['identify', 'context', 'withContext', 'after'];

/** Clients by write key and name of this entry. Next.js evaluates a module again for each bundle and each reload. */
const KEY = Symbol.for('@offthread/sdk/next');
const scope = globalThis as { [KEY]?: Map<string, Analytics> };

/**
 * Returns the client for a write key, and the functions that track requests with it. Calls with the same write key share
 * a client, which has the settings of the first call. It is never closed: when the process ends, also on SIGTERM, its
 * exit hook flushes.
 *
 * @throws {ValidationError} `invalid_setting`
 */
export function nextAnalytics<
  Request extends NextRequestLike = NextRequestLike,
  Events extends EventMap<Events> = AnyEvents,
>(options: NextAnalyticsOptions<Request>): NextAnalytics<Request, Events> {
  const { identify, context, withContext, after, ...settings } = plainFields(options, [
    ...SETTINGS,
    ...OWN_OPTIONS,
  ]);
  if (after !== undefined && typeof after !== 'function') {
    throw new ValidationError('invalid_setting', "Option 'after' must be `after` of next/server", after);
  }
  const client = clientOf(settings) as Analytics<Events>;
  const readers = { identify, context, withContext };
  const binder = new RequestBinder<Request, Events>('nextAnalytics', client, readers, fieldsOf);
  return {
    client,
    of: (request) => binder.bind(checked(request)).analytics,
    route:
      (handler) =>
      (request, ...rest) => {
        after?.(() => client.flushAsync());
        return binder.bind(request).run(() => handler(request, ...rest));
      },
  };
}

function clientOf(settings: AnalyticsSettings): Analytics {
  scope[KEY] ??= new Map();
  const key = String(field(Object(settings), 'writeKey'));
  const known = scope[KEY].get(key);
  if (known !== undefined) return known;
  const made = new Analytics(settings);
  scope[KEY].set(key, made);
  return made;
}

function checked<Request extends NextRequestLike>(request: Request): Request {
  if (typeof Object(Object(request).headers).get === 'function') return request;
  const expected = 'of() takes a request, or { headers: await headers() }';
  throw new ValidationError('invalid_event', `${expected}; got ${show(request)}`);
}

function fieldsOf({ headers, url }: NextRequestLike): RequestFields {
  const header = (name: string): string | undefined => headers.get(name) ?? undefined;
  // The first of a list is the one that the client's proxy has seen. Next.js sets these three itself if no proxy does.
  const first = (name: string): string | undefined => header(name)?.split(',')[0]?.trim();
  return {
    ip: first('x-forwarded-for'),
    protocol: first('x-forwarded-proto'),
    host: first('x-forwarded-host') ?? header('host'),
    // Without the origin, which in Next.js is the address that the server listens on.
    target: url?.replace(/^https?:\/\/[^/?#]*/i, ''),
    userAgent: header('user-agent'),
    acceptLanguage: header('accept-language'),
    referrer: header('referer'),
    requestId: requestIdOf(undefined, header('x-request-id')),
  };
}
