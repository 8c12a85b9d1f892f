// A server that tracks who visits it and who signs up. In: requests, then SIGTERM or SIGINT. Out: replies, and every
// event delivered before the process ends.
import { randomUUID } from 'node:crypto';
import { serve } from '@hono/node-server';
import { Analytics } from '@offthread/sdk';
import { closeServer, honoAnalytics } from '@offthread/sdk/hono';
import closeWithGrace from 'close-with-grace';
import { Hono } from 'hono';
import { getCookie, setCookie } from 'hono/cookie';

const { WRITE_KEY, PORT = '3000' } = process.env;
// Without a write key to `npm run listen`, on this machine.
const { ANALYTICS_HOST = WRITE_KEY ? undefined : 'http://127.0.0.1:4319' } = process.env;

const analytics = new Analytics({
  writeKey: WRITE_KEY ?? 'local',
  host: ANALYTICS_HOST,
  onError: ({ code, message }) => console.error(code, message),
});

const app = new Hono();

// Who it is may take a query to find out, so a middleware does, and `identify` reads what it found.
app.use(async (c, next) => {
  const known = getCookie(c, 'visitor');
  c.set('visitorId', known ?? randomUUID());
  if (!known) setCookie(c, 'visitor', c.get('visitorId'), { httpOnly: true, sameSite: 'Lax' });
  await next();
});

app.use(
  honoAnalytics(analytics, {
    identify: (c) => ({ userId: c.get('userId'), anonymousId: c.get('visitorId') }),
  }),
);

app.get('/', (c) => {
  c.var.analytics.page({ name: 'Home' });
  return c.json({ hello: 'world' });
});

app.post('/sign-up', async (c) => {
  const { email } = await c.req.json();
  c.set('userId', randomUUID());
  // From here on events have both ids, which ties the visitor to the user.
  c.var.analytics.identify({ traits: { email } });
  c.var.analytics.track({ event: 'Signed Up' });
  return c.json({ userId: c.get('userId') }, 201);
});

const server = serve({ fetch: app.fetch, port: Number(PORT) }, ({ port }) => {
  console.log(`Server listening at http://127.0.0.1:${port}`);
});

closeWithGrace({ delay: 20_000 }, () => closeServer(server, analytics));
