// A Fastify server that tracks an event for every order, written like your own. On SIGTERM or SIGINT it delivers every
// event before the process ends. What demo.js needs in addition is in report.js.
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { fastifyAnalytics } from '@offthread/sdk/fastify';
import closeWithGrace from 'close-with-grace';
import Fastify from 'fastify';
import { measure, report } from './report.js';

const app = Fastify({ logger: { level: 'warn', stream: process.stderr } });

// First, so that it closes last.
await app.register(fastifyAnalytics, {
  writeKey: process.env.WRITE_KEY ?? 'demo',
  host: process.env.ANALYTICS_HOST,
  identify: (request) => ({ userId: request.body.userId }),
});

app.post('/orders', async (request, reply) => {
  const orderId = randomUUID();
  await sleep(Number(process.env.WORK_MS ?? 5)); // A database, say.
  measure(() =>
    request.analytics.track({
      event: 'Order Placed',
      properties: { orderId, total: 39.95, currency: 'EUR', items: 3 },
    }),
  );
  reply.code(201);
  return { orderId };
});

// If a request never ends, the process ends by process.exit(), which flushes too. Less than the 30 s after which
// Kubernetes kills.
closeWithGrace({ delay: 20_000, logger: app.log }, async ({ err }) => {
  if (err) app.log.error(err);
  await app.close();
  await report(app.analytics);
});

const url = await app.listen({ host: '127.0.0.1', port: Number(process.env.PORT ?? 0) });
if (process.send) process.send({ type: 'listening', url });
else console.log(`Listening on ${url}`);
