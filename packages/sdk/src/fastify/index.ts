// The Fastify 5 plugin: adds `fastify.analytics` and `request.analytics`, and delivers all events when the server
// closes. Next: ../request/request-analytics.ts.
import type {
  FastifyInstance,
  FastifyPluginAsync,
  FastifyReply,
  FastifyRequest,
  RegisterOptions,
} from 'fastify';
import { Analytics } from '../analytics.js';
import { type AnalyticsError, show, ValidationError } from '../errors.js';
import type { AnyEvents } from '../event/event.js';
import { plainFields } from '../input/fields.js';
import { logOutages } from '../request/outage-log.js';
import { type RequestAnalytics, requestAnalytics } from '../request/request-analytics.js';
import type { RequestFields } from '../request/request-fields.js';
import { checkReaders, type RequestReaders as Readers, RequestSource } from '../request/request-source.js';
import { type AnalyticsSettings, SETTINGS } from '../settings/analytics-settings.js';
import { endConnections } from './end-connections.js';

export type { RequestAnalytics, RequestEvent, RequestTrackEvent } from '../request/request-analytics.js';

/** Functions of the user's that read data of a request. */
export type RequestReaders = Readers<FastifyRequest>;

/**
 * Declares names and properties of the events that `fastify.analytics` and `request.analytics` track, for the compiler.
 * While it is empty, any event is allowed. To declare events:
 *
 * `declare module '@offthread/sdk/fastify' { interface FastifyEvents extends MyEvents {} }`
 */
// biome-ignore lint/suspicious/noEmptyInterface: filled by declaration merging.
export interface FastifyEvents {}

type DeclaredEvents = keyof FastifyEvents extends never ? AnyEvents : FastifyEvents;

declare module 'fastify' {
  interface FastifyInstance {
    analytics: Analytics<DeclaredEvents>;
  }
  interface FastifyRequest {
    analytics: RequestAnalytics<DeclaredEvents>;
  }
}

/** Options of the plugin, besides a client or its settings. */
export interface RequestOptions extends RequestReaders {
  /** Name of both decorators. Change it to register a second client. Default: `'analytics'`. */
  readonly decorateAs?: string | undefined;
  /**
   * Lets all events of the client that are tracked while a request is handled, wherever in the code, inherit the ids
   * and the context of the request, like `withContext()` of the client. For an event of `request.analytics`, `identify`
   * is then called twice. Default: false.
   */
  readonly withContext?: boolean | undefined;
}

/** Settings of a client that the plugin creates, and closes with the server. */
export interface OwnClient extends AnalyticsSettings {
  readonly client?: undefined;
  readonly closeClient?: undefined;
}

/** An existing client. */
export interface GivenClient {
  readonly client: Analytics;
  /** Closes the client with the server. Default: false, which only flushes it. */
  readonly closeClient?: boolean | undefined;
}

/** The settings of a client or an existing `client`, and how to read requests. */
export type FastifyAnalyticsOptions = RequestOptions & (OwnClient | GivenClient);

/** The names of all options. An options object of a class may have getters for these on its prototype. */
const OPTIONS = [...SETTINGS, 'identify', 'context', 'decorateAs', 'withContext', 'client', 'closeClient'];

/**
 * Hooks in which the scope of the request is entered. More than one, because a hook may continue outside the scope, for
 * example in a callback of a connection pool.
 */
const SCOPE_HOOKS = ['onRequest', 'preValidation', 'preHandler', 'onResponse'] as const;

async function plugin(
  fastify: FastifyInstance,
  options: FastifyAnalyticsOptions & RegisterOptions,
): Promise<void> {
  // Fastify passes its own options `prefix`, `logLevel` and `logSerializers` to every plugin.
  const {
    identify,
    context,
    decorateAs = 'analytics',
    withContext = false,
    prefix,
    logLevel,
    logSerializers,
    ...rest
  } = plainFields(options, OPTIONS);
  const source = plainFields(rest, []);
  const readers = checkReaders({ identify, context });
  const client = clientOf(source, (error) => log(fastify, error));
  if (typeof withContext !== 'boolean') {
    throw new ValidationError('invalid_setting', "Option 'withContext' must be true or false", withContext);
  }
  const sources = new WeakMap<FastifyRequest, RequestSource<FastifyRequest>>();
  const perRequest = new WeakMap<FastifyRequest, RequestAnalytics>();
  const sourceOf = (request: FastifyRequest): RequestSource<FastifyRequest> => {
    const known = sources.get(request);
    if (known !== undefined) return known;
    const made = new RequestSource(request, readers, fieldsOf);
    sources.set(request, made);
    return made;
  };

  const endLog = logOutages(client, fastify.log);

  fastify.decorate(decorateAs, client);
  // A getter on the prototype costs nothing for requests that don't use it.
  fastify.decorateRequest(decorateAs, {
    getter() {
      const known = perRequest.get(this);
      if (known !== undefined) return known;
      const made = requestAnalytics(client, sourceOf(this));
      perRequest.set(this, made);
      return made;
    },
  });
  if (withContext) {
    for (const hook of SCOPE_HOOKS) {
      fastify.addHook(hook, (request: FastifyRequest, _: FastifyReply, done: () => void) => {
        client.withContext(sourceOf(request).fields, () => done());
      });
    }
  }
  // With a spool, the server starts only when the worker thread runs and stores events within milliseconds.
  fastify.addHook('onReady', async () => {
    if (client.stats().spool !== undefined) await client.stored();
  });
  // Runs when all requests have ended, and after onClose hooks that were added later, so that their events are
  // delivered.
  fastify.addHook('onClose', async () => {
    if (source.client === undefined || source.closeClient === true) await client.close();
    else await client.flushAsync();
    endLog();
  });
  endConnections(fastify);
}

/**
 * Adds `fastify.analytics`, a client, and `request.analytics`, which fills in ids and context of the request. When the
 * server closes, running requests are answered and their connections end with the answer. Then the client is closed, or
 * only flushed if you passed it, for at most its `flushTimeout`.
 *
 * Register this plugin first and await it, so that it closes last.
 *
 * @throws {ValidationError} `invalid_setting`, as `new Analytics()` does.
 */
export const fastifyAnalytics: FastifyPluginAsync<FastifyAnalyticsOptions> = Object.assign(plugin, {
  // What fastify-plugin would set. This avoids a dependency for users who don't use Fastify.
  [Symbol.for('skip-override')]: true,
  [Symbol.for('fastify.display-name')]: '@offthread/sdk/fastify',
  [Symbol.for('plugin-meta')]: { name: '@offthread/sdk/fastify', fastify: '5.x' },
});

function clientOf(source: OwnClient | GivenClient, onError: (error: AnalyticsError) => void): Analytics {
  if (source.client === undefined) {
    const { client, closeClient, ...settings } = source;
    return new Analytics({ ...settings, onError: source.onError ?? onError });
  }
  const { client, closeClient, ...settings } = source;
  const [setting] = Object.keys(settings);
  if (setting === undefined) return client;
  const expected = `Give the plugin a client or the settings of one, not both; got a client and ${show(setting)}`;
  throw new ValidationError('invalid_setting', expected);
}

/** Takes some microseconds, most of them for `ip`. */
function fieldsOf(request: FastifyRequest): RequestFields {
  const { headers } = request;
  return {
    ip: request.ip,
    protocol: request.protocol,
    host: request.host,
    target: request.originalUrl,
    userAgent: headers['user-agent'],
    acceptLanguage: headers['accept-language'],
    referrer: headers.referer,
    requestId: request.id,
  };
}

/** The default `onError`. Doesn't log events, because they may contain personal data. */
function log(
  { log }: FastifyInstance,
  { code, count, status, attempts, message, cause }: AnalyticsError,
): void {
  log.warn({ code, count, status, attempts, err: cause }, message);
}
