// A server that tracks who visits it and who signs up. In: requests, then SIGTERM or SIGINT. Out: replies, and every
// event delivered before the process ends.
import { randomUUID } from 'node:crypto';
import { json } from 'node:stream/consumers';
import { Analytics } from '@offthread/sdk';
import { closeServer, koaAnalytics } from '@offthread/sdk/koa';
import closeWithGrace from 'close-with-grace';
import Koa from 'koa';

const { WRITE_KEY, PORT = '3000' } = process.env;
// Without a write key to `npm run listen`, on this machine.
const { ANALYTICS_HOST = WRITE_KEY ? undefined : 'http://127.0.0.1:4319' } = process.env;

const analytics = new Analytics({
  writeKey: WRITE_KEY ?? 'local',
  host: ANALYTICS_HOST,
  onError: ({ code, message }) => console.error(code, message),
});

const app = new Koa();

// Who it is may take a query to find out, so a middleware does, and `identify` reads what it found.
app.use(async (ctx, next) => {
  const known = ctx.cookies.get('visitor');
  ctx.state.visitorId = known ?? randomUUID();
  if (!known) ctx.cookies.set('visitor', ctx.state.visitorId, { sameSite: 'lax' });
  await next();
});

app.use(
  koaAnalytics(analytics, {
    identify: ({ state }) => ({ userId: state.userId, anonymousId: state.visitorId }),
  }),
);

app.use(async (ctx) => {
  if (ctx.method === 'GET' && ctx.path === '/') {
    ctx.analytics.page({ name: 'Home' });
    ctx.body = { hello: 'world' };
  }
  if (ctx.method === 'POST' && ctx.path === '/sign-up') {
    const { email } = await json(ctx.req);
    ctx.state.userId = randomUUID();
    // From here on events have both ids, which ties the visitor to the user.
    ctx.analytics.identify({ traits: { email } });
    ctx.analytics.track({ event: 'Signed Up' });
    ctx.status = 201;
    ctx.body = { userId: ctx.state.userId };
  }
});

const server = app.listen(Number(PORT), () => {
  console.log(`Server listening at http://127.0.0.1:${server.address().port}`);
});

closeWithGrace({ delay: 20_000 }, () => closeServer(server, analytics));
