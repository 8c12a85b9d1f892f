// Ends the connections of a server that closes. Used by index.ts.
import type { FastifyInstance } from 'fastify';

/** Marks an instance whose connections are already handled by another registration of the plugin. */
const HANDLED = Symbol('@offthread/sdk/fastify');

/**
 * Ends each connection with its current answer when the server closes. Fastify closes only idle connections, and
 * otherwise `close()` would wait for the others for `keepAliveTimeout`, by default 72 s.
 */
export function endConnections(fastify: FastifyInstance): void {
  if (fastify.hasDecorator(HANDLED)) return;
  fastify.decorate(HANDLED, true);
  let closing = false;
  fastify.addHook('preClose', async () => {
    closing = true;
    // For answers whose headers are already sent, and can't announce the end of the connection.
    fastify.server.keepAliveTimeout = 1;
  });
  fastify.addHook('onSend', (request, reply, payload, done) => {
    if (closing && request.raw.httpVersionMajor < 2) reply.header('connection', 'close');
    done(null, payload);
  });
}
