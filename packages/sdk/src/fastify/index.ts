// Fastify 5 plugin. In: settings or a client. Out: `fastify.analytics`, `request.analytics`, and an end of the server
// at which everything is delivered. Next: request-analytics.ts.
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
import { type AnalyticsSettings, SETTINGS } from '../settings/analytics-settings.js';
import { logOutages } from './outage-log.js';
import { type RequestAnalytics, requestAnalytics } from './request-analytics.js';
import { type RequestReaders, RequestSource } from './request-source.js';

export type { RequestAnalytics, RequestEvent, RequestTrackEvent } from './request-analytics.js';
export type { RequestReaders } from './request-source.js';

/**
 * Names and properties of the events that `fastify.analytics` and `request.analytics` track, for the compiler to check.
 * Empty, and then any event is taken, until a program adds its own:
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

/** What the plugin takes beside the settings of a client or a client. */
interface PluginOptions extends RequestReaders {
  /** Name of both decorators, for a second client. Default: `'analytics'`. */
  readonly decorateAs?: string | undefined;
  /**
   * Has all events of the client that are tracked while a request is handled, wherever that is, inherit what the
   * request says of who and where, as by `withContext()` of the client. `identify` is then asked once more for an event
   * of `request.analytics`. Default: false.
   */
  readonly withContext?: boolean | undefined;
}

/** A client that the plugin makes, and closes with the server. */
interface OwnClient extends AnalyticsSettings {
  readonly client?: undefined;
  readonly closeClient?: undefined;
}

/** A client that is there already. */
interface GivenClient {
  readonly client: Analytics;
  /** Closes it with the server. Default: false, it is flushed then. */
  readonly closeClient?: boolean | undefined;
}

/** The settings of a client, or a `client`; and how to read requests. */
export type FastifyAnalyticsOptions = PluginOptions & (OwnClient | GivenClient);

/** What a class of options may have. */
const OPTIONS = [...SETTINGS, 'identify', 'context', 'decorateAs', 'withContext', 'client', 'closeClient'];

/** Marks an instance whose connections another registration looks after. */
const LOOKED_AFTER = Symbol('@offthread/sdk/fastify');

/** More than one, because a hook may go on where no scope is, as in the callback of a pool of connections. */
const ENTRANCES = ['onRequest', 'preValidation', 'preHandler', 'onResponse'] as const;

async function plugin(
  fastify: FastifyInstance,
  options: FastifyAnalyticsOptions & RegisterOptions,
): Promise<void> {
  // The last three are Fastify's own, which it passes on to every plugin.
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
  const readers: RequestReaders = {
    identify: checkReader('identify', identify),
    context: checkReader('context', context),
  };
  const client = clientOf(source, (error) => log(fastify, error));
  if (typeof withContext !== 'boolean') {
    throw new ValidationError('invalid_setting', "Option 'withContext' must be true or false", withContext);
  }
  const sources = new WeakMap<FastifyRequest, RequestSource>();
  const perRequest = new WeakMap<FastifyRequest, RequestAnalytics>();
  const sourceOf = (request: FastifyRequest): RequestSource => {
    const known = sources.get(request);
    if (known !== undefined) return known;
    const made = new RequestSource(request, readers);
    sources.set(request, made);
    return made;
  };

  const endLog = logOutages(client, fastify.log);

  fastify.decorate(decorateAs, client);
  // A getter on the prototype: a request that is not asked for it does nothing for it.
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
    for (const hook of ENTRANCES) {
      fastify.addHook(hook, (request: FastifyRequest, _: FastifyReply, done: () => void) => {
        client.withContext(sourceOf(request).fields, () => done());
      });
    }
  }
  // With a spool, requests are answered only when the worker thread is up and takes events to the disk in milliseconds.
  fastify.addHook('onReady', async () => {
    if (client.stats().spool !== undefined) await client.stored();
  });
  // Runs when the server has drained, after the onClose hooks that were added later: their events still get in.
  fastify.addHook('onClose', async () => {
    if (source.client === undefined || source.closeClient === true) await client.close();
    else await client.flushAsync();
    endLog();
  });
  endConnections(fastify);
}

/**
 * Adds `fastify.analytics`, a client, and `request.analytics`, which fills in who and where. When the server closes,
 * the requests in flight are answered, their connections end with the answer, and then the client is closed, or flushed
 * where it was given: for its `flushTimeout` at most.
 *
 * Register it first and await that, so that it closes last.
 *
 * @throws {ValidationError} `invalid_setting`, as `new Analytics()` does.
 */
export const fastifyAnalytics: FastifyPluginAsync<FastifyAnalyticsOptions> = Object.assign(plugin, {
  // All that fastify-plugin would do. One dependency less for those who do not use Fastify.
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

function checkReader<Reader>(name: keyof RequestReaders, reader: Reader): Reader {
  if (reader === undefined || typeof reader === 'function') return reader;
  throw new ValidationError('invalid_setting', `Option '${name}' must be a function`, reader);
}

/** The default of `onError`. Not the events, which are the users' own affair. */
function log(
  { log }: FastifyInstance,
  { code, count, status, attempts, message, cause }: AnalyticsError,
): void {
  log.warn({ code, count, status, attempts, err: cause }, message);
}

/**
 * Fastify closes the connections that are idle when it is closed. Of the others each ends with the answer on it, or
 * `close()` would wait for all of them for `keepAliveTimeout`, by default 72 s.
 */
function endConnections(fastify: FastifyInstance): void {
  if (fastify.hasDecorator(LOOKED_AFTER)) return;
  fastify.decorate(LOOKED_AFTER, true);
  let closing = false;
  fastify.addHook('preClose', async () => {
    closing = true;
    // For answers that have begun, and can say nothing about their connection any more.
    fastify.server.keepAliveTimeout = 1;
  });
  fastify.addHook('onSend', (request, reply, payload, done) => {
    if (closing && request.raw.httpVersionMajor < 2) reply.header('connection', 'close');
    done(null, payload);
  });
}
