// The HTTP server that accepts events: the paths of the Tracking API, and health. Next: ingest.ts.
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import {
  type AllowedOrigins,
  authorize,
  corsHeaders,
  type Refusal,
  replyTo,
  unavailable,
  writeKeyOf,
} from '@offthread/tracking-api';
import { trackingApi } from '@offthread/tracking-api/fastify';
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify';
import type { Logger } from 'pino';
import type { Health } from '../operations/health.js';
import { healthRoutes } from '../operations/health-routes.js';
import type { Ingest } from './ingest.js';
import type { KnownSources } from './known-sources.js';
import { RequestBudget, type Reservation } from './request-budget.js';

/** Milliseconds in which a request must have arrived. Slow uploads would otherwise occupy memory. */
const UPLOAD_LIMIT_MS = 30_000;

/** Longer than the 60 s of common load balancers, which would otherwise use a connection that is being closed. */
const KEEP_ALIVE_MS = 72_000;

/** Is told about replies, for metrics. */
export interface FrontDoorListener {
  /** @param seconds since the request's headers arrived. */
  onReply(status: number, seconds: number): void;
}

export interface FrontDoorOptions {
  readonly ingest: Ingest;
  readonly sources: KnownSources;
  readonly health: Health;
  readonly log: Logger;
  readonly listener: FrontDoorListener;
  readonly origins: AllowedOrigins;
  /** The number of proxies in front of the relay, or their addresses. */
  readonly trustedProxies: number | readonly string[];
  /** A certificate and its key, in PEM. */
  readonly tls?: { readonly cert: Buffer; readonly key: Buffer } | undefined;
}

/** Creates the server. */
export async function createFrontDoor(options: FrontDoorOptions): Promise<FastifyInstance> {
  const { ingest, sources, health, log, listener, origins, trustedProxies, tls } = options;
  // Paths may contain a write key (/v1/projects/KEY/settings), so Fastify doesn't log them.
  const app = fastify<Server>({
    logger: false,
    trustProxy:
      typeof trustedProxies === 'number' ? (_address, hop) => hop < trustedProxies : [...trustedProxies],
    forceCloseConnections: 'idle',
    serverFactory: (handler) => {
      const server = tls === undefined ? createServer(handler) : createTlsServer(tls, handler);
      server.requestTimeout = UPLOAD_LIMIT_MS;
      server.keepAliveTimeout = KEEP_ALIVE_MS;
      return server;
    },
  });

  const budget = new RequestBudget();
  const reservations = new WeakMap<FastifyRequest, Reservation>();
  const isKnown = (writeKey: string): boolean => sources.find(writeKey) !== undefined;
  // A wrong key in the header needs no body to be refused. A key in the body is checked by the plugin.
  const refusalFor = ({ authorization }: IncomingHttpHeaders): Refusal | null => {
    const writeKey = writeKeyOf(authorization);
    return writeKey === null ? null : authorize(writeKey, isKnown);
  };
  app.addHook('onRequest', async (request, reply) => {
    const { method, headers } = request;
    if (method !== 'POST') return undefined;
    const start = performance.now();
    const reservation = budget.take(headers);
    if (reservation !== undefined) reservations.set(request, reservation);
    reply.raw.once('close', () => {
      reservation?.end();
      if (reply.raw.headersSent) listener.onReply(reply.statusCode, (performance.now() - start) / 1000);
    });
    const refusal = reservation === undefined ? unavailable('the relay is busy', 1) : refusalFor(headers);
    return refusal === null ? undefined : refuse(reply.headers(corsHeaders(headers, origins)), refusal);
  });
  // Idle connections are closed by `close`, and those that are in use by the reply.
  let isClosing = false;
  app.addHook('preClose', async () => {
    isClosing = true;
  });
  app.addHook('onSend', async (_request, reply) => {
    if (isClosing) reply.header('connection', 'close');
  });
  app.setErrorHandler((error, _request, reply) => {
    const status = statusOf(error);
    if (status >= 500) log.error({ err: error }, 'a request failed');
    return reply.code(status).send({ success: false, code: 'failed', message: 'the request failed' });
  });
  app.register(healthRoutes, { health });
  await app.register(trackingApi, {
    origins,
    writeKeys: isKnown,
    // Only pages send an origin. Servers that forward events set context.ip themselves.
    accept: (receipt, request) => {
      const { headers, ip } = request;
      const address = headers.origin === undefined ? undefined : withoutMapping(ip);
      const store = () => ingest.accept(receipt, address);
      return reservations.get(request)?.during(store) ?? store();
    },
  });
  return app;
}

/**
 * Replies before the body is read. Node.js discards the body as it arrives. If the connection were closed instead, many
 * clients would see that, and not the reply.
 */
function refuse(reply: FastifyReply, refusal: Refusal): FastifyReply {
  const { status, headers, body } = replyTo(refusal);
  return reply.code(status).headers(headers).send(body);
}

function statusOf(error: unknown): number {
  const { statusCode } = Object(error) as { statusCode?: unknown };
  return typeof statusCode === 'number' ? statusCode : 500;
}

/** An IPv4 address as such, also if the server listens on IPv6. */
function withoutMapping(ip: string): string {
  return ip.replace(/^::ffff:(?=\d+\.)/, '');
}
