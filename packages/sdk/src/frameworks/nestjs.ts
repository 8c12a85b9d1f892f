// A module for NestJS 12 and 11: provides the client, adds `request.analytics`, and delivers all events when the
// application shuts down. Next: ../request/request-binder.ts.
import {
  type BeforeApplicationShutdown,
  createParamDecorator,
  type DynamicModule,
  type ExecutionContext,
  type FactoryProvider,
  Inject,
  Logger,
  type MiddlewareConsumer,
  Module,
  type ModuleMetadata,
  type NestModule,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { Analytics } from '../analytics.js';
import { type AnalyticsError, show, ValidationError } from '../errors.js';
import type { AnyEvents, EventMap } from '../event/event.js';
import { plainFields } from '../input/fields.js';
import { type NodeRequest, nodeRequestFields } from '../request/node-request.js';
import { logOutages } from '../request/outage-log.js';
import type { RequestAnalytics as Methods } from '../request/request-analytics.js';
import { RequestBinder, type RequestOptions } from '../request/request-binder.js';
import { type AnalyticsSettings, SETTINGS } from '../settings/analytics-settings.js';

export type { RequestEvent, RequestTrackEvent } from '../request/request-analytics.js';
export type { RequestOptions } from '../request/request-binder.js';
export type { RequestReaders } from '../request/request-source.js';

/** How requests are read. `identify` and `context` receive the request of Express, or of `node:http` with Fastify. */
// biome-ignore lint/suspicious/noExplicitAny: users declare the request of their platform.
export type NestRequestOptions = Omit<RequestOptions<any>, 'decorateAs'>;

/** Settings of a client that the module creates, and closes with the application. */
export interface OwnClient extends AnalyticsSettings {
  readonly client?: undefined;
}

/** An existing client, which is flushed with the application and not closed. */
export interface GivenClient {
  readonly client: Analytics;
}

/** The settings of a client or an existing `client`, and how to read requests. */
export type NestAnalyticsOptions = NestRequestOptions & (OwnClient | GivenClient);

/** Options that other providers supply. */
export interface NestAnalyticsAsyncOptions extends Pick<ModuleMetadata, 'imports'> {
  readonly inject?: FactoryProvider['inject'];
  // biome-ignore lint/suspicious/noExplicitAny: the types of what is injected.
  readonly useFactory: (...injected: any[]) => NestAnalyticsOptions | Promise<NestAnalyticsOptions>;
}

/** The six methods, with ids and context of the request. */
export type RequestAnalytics<Events extends EventMap<Events> = AnyEvents> = Methods<Events>;

const OWN_OPTIONS = ['identify', 'context', 'withContext', 'client'];

/** Token of the state that the providers share. */
const STATE = Symbol('@offthread/sdk/nestjs');

/** Methods by the request of node:http, because Fastify wraps it. */
const methods = new WeakMap<object, Methods>();

interface State {
  readonly client: Analytics;
  readonly binder: RequestBinder<NodeRequest>;
  /** Closes or flushes the client. */
  readonly end: () => Promise<unknown>;
}

/** Parameter decorator: injects the methods of the request that is handled. */
export const RequestAnalytics: () => ParameterDecorator = createParamDecorator(
  (_data: unknown, context: ExecutionContext): Methods => {
    // Undefined if it isn't an HTTP request, for example with GraphQL.
    const request: unknown = context.switchToHttp().getRequest();
    const known = methods.get(Object(request).raw ?? request);
    if (known !== undefined) return known;
    throw new ValidationError(
      'invalid_event',
      'RequestAnalytics() needs AnalyticsModule and an HTTP request',
    );
  },
);

/**
 * Provides `Analytics` to all modules, and adds `request.analytics`. When the application shuts down and has answered
 * all requests, the client is closed, or only flushed if you passed it, for at most its `flushTimeout`. Call
 * `app.enableShutdownHooks()`, so that this also happens on SIGTERM.
 */
export class AnalyticsModule implements NestModule, BeforeApplicationShutdown, OnApplicationShutdown {
  readonly #state: State;
  /** The server of the first request. */
  #server: object | undefined;

  constructor(state: State) {
    this.#state = state;
  }

  /** @throws {ValidationError} `invalid_setting`, when the application starts. */
  static forRoot(options: NestAnalyticsOptions): DynamicModule {
    return AnalyticsModule.forRootAsync({ useFactory: () => options });
  }

  static forRootAsync({ imports = [], inject = [], useFactory }: NestAnalyticsAsyncOptions): DynamicModule {
    return {
      module: AnalyticsModule,
      global: true,
      imports,
      providers: [
        {
          provide: STATE,
          inject,
          useFactory: async (...injected: unknown[]) => stateOf(await useFactory(...injected)),
        },
        { provide: Analytics, inject: [STATE], useFactory: ({ client }: State) => client },
      ],
      exports: [Analytics],
    };
  }

  configure(consumer: MiddlewareConsumer): void {
    const { binder } = this.#state;
    consumer
      .apply((request: NodeRequest, _response: unknown, next: () => void) => {
        // Node.js sets this property, but doesn't document it.
        if (this.#server === undefined && 'server' in request.socket)
          this.#server = Object(request.socket.server);
        const { analytics, run } = binder.bind(request);
        methods.set(request, analytics);
        Object.assign(request, { analytics });
        run(next);
      })
      .forRoutes('*');
  }

  /** Lets connections end with their current answer. Otherwise Nest would wait for `keepAliveTimeout`, with Fastify 72 s. */
  beforeApplicationShutdown(): void {
    if (this.#server !== undefined && 'keepAliveTimeout' in this.#server) this.#server.keepAliveTimeout = 1;
  }

  /** Runs when the server has closed. */
  async onApplicationShutdown(): Promise<void> {
    await this.#state.end();
  }
}

// What decorators would do, which Node.js can't run.
Module({})(AnalyticsModule);
Inject(STATE)(AnalyticsModule, undefined, 0);

function stateOf(given: NestAnalyticsOptions): State {
  const { identify, context, withContext, ...source } = plainFields(given, [...SETTINGS, ...OWN_OPTIONS]);
  const logger = new Logger('Analytics');
  const client = clientOf(source, logger);
  const binder = new RequestBinder<NodeRequest>(
    'AnalyticsModule',
    client,
    { identify, context, withContext },
    nodeRequestFields,
  );
  const endLog = logOutages(client, {
    warn: (_fields, message) => logger.warn(message),
    info: (message) => logger.log(message),
  });
  const end = async (): Promise<void> => {
    await (source.client === undefined ? client.close() : client.flushAsync());
    endLog();
  };
  return { client, binder, end };
}

function clientOf(source: OwnClient | GivenClient, logger: Logger): Analytics {
  const { client, ...settings } = source;
  if (client === undefined) {
    // Doesn't log events, because they may contain personal data.
    const onError = ({ code, message }: AnalyticsError): void => logger.warn(`${code}: ${message}`);
    const given = settings as AnalyticsSettings;
    return new Analytics({ ...given, onError: given.onError ?? onError });
  }
  const [setting] = Object.keys(settings);
  if (setting === undefined) return client;
  const expected = `Give the module a client or the settings of one, not both; got a client and ${show(setting)}`;
  throw new ValidationError('invalid_setting', expected);
}
