// The HTTP server of metrics and health. It has a port of its own, so that the public one shows neither.
import { type FastifyInstance, fastify } from 'fastify';
import type { Health } from './health.js';
import { healthRoutes } from './health-routes.js';
import type { Metrics } from './metrics.js';

/** Creates the server. */
export function createOperationsServer(metrics: Metrics, health: Health): FastifyInstance {
  const app = fastify({ logger: false, forceCloseConnections: true });
  app.register(healthRoutes, { health });
  app.get('/metrics', async (_request, reply) => reply.type(metrics.contentType).send(await metrics.text()));
  return app;
}
