// Puts a relay together: ingest -> engine -> drain, with health and metrics. Created by commands/run.ts.
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { Drain } from './drain/drain.js';
import type { Engine } from './engine/engine.js';
import { createFrontDoor } from './ingest/front-door.js';
import { Ingest } from './ingest/ingest.js';
import { KnownSources } from './ingest/known-sources.js';
import { Health } from './operations/health.js';
import { Metrics } from './operations/metrics.js';
import { createOperationsServer } from './operations/operations-server.js';
import type { RelaySettings } from './settings/settings.js';
import { version } from './version.js';

/** Milliseconds for the uploads that have begun when the relay stops. */
const UPLOADS_MS = 10_000;

/** A running relay. */
export interface Relay {
  /** Where events are accepted; undefined with `--no-ingest`. */
  readonly url: string | undefined;
  /** Where metrics are; undefined without `--metrics-port`. */
  readonly metricsUrl: string | undefined;
  /**
   * Stops taking requests, waits for those that have begun and for the batch that is being sent, and gives the leases
   * back. What waits stays in the engine.
   */
  stop(): Promise<void>;
}

/** Starts a relay on an engine, which it closes when it stops. Rejects if a port is taken. */
export async function startRelay(settings: RelaySettings, engine: Engine, log: Logger): Promise<Relay> {
  const { sources, origins, trustedProxies, tls } = settings;
  const metrics = new Metrics(engine, sources, log);
  const health = new Health(() => engine.obstacle());
  const known = new KnownSources(sources);
  const ingest = new Ingest({ engine, sources: known, log, listener: metrics });
  const servers: FastifyInstance[] = [];
  const drain = settings.drain
    ? new Drain({
        engine,
        sources,
        url: settings.apiUrl,
        userAgent: `offthread-relay/${version}`,
        log,
        listener: metrics,
      })
    : undefined;

  async function stop(): Promise<void> {
    health.stop();
    await Promise.all([...servers.map(closeServer), drain?.stop()]);
    await engine.close();
  }

  try {
    let metricsUrl: string | undefined;
    if (settings.metrics !== undefined) {
      const server = createOperationsServer(metrics, health);
      servers.push(server);
      await server.listen(settings.metrics);
      metricsUrl = urlOf('http', server);
    }
    let url: string | undefined;
    if (settings.ingest) {
      const server = await createFrontDoor({
        ingest,
        sources: known,
        health,
        log,
        listener: metrics,
        origins,
        trustedProxies,
        tls,
      });
      servers.push(server);
      await server.listen({ host: settings.host, port: settings.port });
      url = urlOf(tls === undefined ? 'http' : 'https', server);
    }
    drain?.start();
    return { url, metricsUrl, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Fastify's own says http: for servers that it hasn't made. */
function urlOf(scheme: string, { server }: FastifyInstance): string {
  const at = server.address();
  if (at === null || typeof at === 'string') return `${scheme}:`;
  return `${scheme}://${at.family === 'IPv6' ? `[${at.address}]` : at.address}:${at.port}`;
}

/** Waits for the requests that have begun, but not for those whose clients don't go on. */
async function closeServer(app: FastifyInstance): Promise<void> {
  const timer = setTimeout(() => app.server.closeAllConnections(), UPLOADS_MS);
  await app.close();
  clearTimeout(timer);
}
