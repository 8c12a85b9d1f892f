// A server that tracks who visits it and who signs up. In: requests, then SIGTERM or SIGINT. Out: replies, and every
// event delivered before the process ends.
import { randomUUID } from 'node:crypto';
import { fastifyAnalytics } from '@offthread/sdk/fastify';
import closeWithGrace from 'close-with-grace';
import Fastify from 'fastify';

const { WRITE_KEY, PORT = '3000' } = process.env;
// Without a write key to `npm run listen`, on this machine.
const { ANALYTICS_HOST = WRITE_KEY ? undefined : 'http://127.0.0.1:4319' } = process.env;

const app = Fastify({ logger: true });

// First, so that it closes last.
await app.register(fastifyAnalytics, {
  writeKey: WRITE_KEY ?? 'local',
  host: ANALYTICS_HOST,
  identify: ({ userId, visitorId }) => ({ userId, anonymousId: visitorId }),
});

// Who it is may take a query to find out, so hooks do, and `identify` reads what they found.
app.decorateRequest('userId', undefined);
app.decorateRequest('visitorId', '');
app.addHook('onRequest', async (request, reply) => {
  const known = /(?:^|; )visitor=([\w-]{1,100})(?:;|$)/.exec(request.headers.cookie ?? '')?.[1];
  request.visitorId = known ?? randomUUID();
  if (!known) reply.header('set-cookie', `visitor=${request.visitorId}; Path=/; HttpOnly; SameSite=Lax`);
});

app.get('/', async (request) => {
  request.analytics.page({ name: 'Home' });
  return { hello: 'world' };
});

const email = { type: 'string', pattern: '^\\S+@\\S+$' };
const body = { type: 'object', properties: { email }, required: ['email'], additionalProperties: false };

app.post('/sign-up', { schema: { body } }, async (request, reply) => {
  request.userId = randomUUID();
  // From here on events have both ids, which ties the visitor to the user.
  request.analytics.identify({ traits: { email: request.body.email } });
  request.analytics.track({ event: 'Signed Up' });
  reply.code(201);
  return { userId: request.userId };
});

closeWithGrace({ delay: 20_000, logger: app.log }, async ({ err }) => {
  if (err) app.log.error(err);
  await app.close();
});

await app.listen({ port: Number(PORT) });
