// The routes that answer probes: /healthz while the process runs, /readyz while it can take events.
import type { FastifyPluginAsync } from 'fastify';
import type { Health } from './health.js';

export const healthRoutes: FastifyPluginAsync<{ health: Health }> = async (app, { health }) => {
  app.get('/healthz', () => ({ status: 'ok' }));
  app.get('/readyz', async (_request, reply) => {
    const reason = await health.reason();
    return reason === undefined ? { status: 'ok' } : reply.code(503).send({ status: 'not ready', reason });
  });
};
