// A Fastify server with a spool, to be killed. In: the settings of its client as JSON in SETTINGS, requests. Out: 201 for each
// order, after track(). Used by torture.js and the demo.
import { Analytics } from '@offthread/sdk';
import Fastify from 'fastify';

const { isDraining = false, isDurable = false, ...settings } = JSON.parse(process.env.SETTINGS);
const analytics = new Analytics({
  ...settings,
  onError: ({ code, message, count }) => process.stderr.write(`${code} ${count}: ${message}\n`),
});
const app = Fastify();

app.post('/orders/:id', async (request, reply) => {
  const { id } = request.params;
  const isAccepted = analytics.track({ userId: 'u', event: 'Order Placed', properties: { order: id } });
  const isStored = !isDurable || (await analytics.stored()) === 'ok';
  reply.code(isAccepted && isStored ? 201 : 503);
  return { id };
});

/** Blocks the main thread, as a long computation does. */
app.post('/block/:ms', async (request) => {
  const end = performance.now() + Number(request.params.ms);
  while (performance.now() < end);
  return {};
});

app.get('/stats', async () => analytics.stats());

if (isDraining) {
  // Sends what others have left, and ends.
  process.on('message', async () => {
    await analytics.close();
    process.exit(0);
  });
}
// From now on it takes events milliseconds to get to the disk.
await analytics.stored();
const url = await app.listen({ host: '127.0.0.1', port: 0 });
process.send({ url });
