// A Fastify server that tracks an event for every order, written as your own would be. In: requests, then SIGTERM or
// SIGINT. Out: replies, and every event delivered before the process ends. What `demo.js` needs besides is at the end.
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Analytics } from '@offthread/sdk';
import Fastify from 'fastify';
import { measure, report } from './report.js';

const analytics = new Analytics({
  writeKey: process.env.WRITE_KEY ?? 'demo',
  host: process.env.ANALYTICS_HOST,
  onError: (error) => console.error(`${error.code} (${error.count} events): ${error.message}`),
});

const app = Fastify();

// The first onClose hook to be added is the last one to run: events tracked by the hooks of others still get in.
app.addHook('onClose', async () => {
  await analytics.close();
  report(analytics);
});

// Fastify closes the connections that are idle when close() is called. One whose request is still being answered would
// be kept for keepAliveTimeout (72 s) after that, and close() would wait for it; so it is closed with its answer.
let closing = false;
app.addHook('preClose', async () => {
  closing = true;
});
app.addHook('onSend', (_request, reply, payload, done) => {
  if (closing) reply.header('connection', 'close');
  done(null, payload);
});

app.post('/orders', async (request, reply) => {
  const orderId = randomUUID();
  await sleep(Number(process.env.WORK_MS ?? 5)); // A database, say.
  measure(() =>
    analytics.track({
      userId: request.body.userId,
      event: 'Order Placed',
      properties: { orderId, total: 39.95, currency: 'EUR', items: 3 },
      context: { ip: request.ip, userAgent: request.headers['user-agent'] },
    }),
  );
  reply.code(201);
  return { orderId };
});

for (const signal of ['SIGTERM', 'SIGINT']) {
  process.once(signal, () => {
    app.close();
    // Should a request never end: process.exit() flushes as well. Below the 30 s after which Kubernetes kills.
    setTimeout(() => process.exit(1), 20_000).unref();
  });
}

const url = await app.listen({ host: '127.0.0.1', port: Number(process.env.PORT ?? 0) });
if (process.send) process.send({ type: 'listening', url });
else console.log(`Listening on ${url}`);
