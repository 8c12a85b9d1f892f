// A server that tracks who visits it and who signs up. In: requests, then SIGTERM or SIGINT. Out: replies, and every
// event delivered before the process ends.
import { randomUUID } from 'node:crypto';
import { Analytics } from '@offthread/sdk';
import { closeServer, expressAnalytics } from '@offthread/sdk/express';
import closeWithGrace from 'close-with-grace';
import express from 'express';

const { WRITE_KEY, PORT = '3000' } = process.env;
// Without a write key to `npm run listen`, on this machine.
const { ANALYTICS_HOST = WRITE_KEY ? undefined : 'http://127.0.0.1:4319' } = process.env;

const analytics = new Analytics({
  writeKey: WRITE_KEY ?? 'local',
  host: ANALYTICS_HOST,
  onError: ({ code, message }) => console.error(code, message),
});

const app = express();

// Who it is may take a query to find out, so a middleware does, and `identify` reads what it found.
app.use((request, response, next) => {
  const known = /(?:^|; )visitor=([\w-]{1,100})(?:;|$)/.exec(request.headers.cookie ?? '')?.[1];
  response.locals.visitorId = known ?? randomUUID();
  if (!known) response.cookie('visitor', response.locals.visitorId, { httpOnly: true, sameSite: 'lax' });
  next();
});

app.use(
  expressAnalytics(analytics, {
    identify: ({ res }) => ({ userId: res.locals.userId, anonymousId: res.locals.visitorId }),
  }),
);

app.get('/', (request, response) => {
  request.analytics.page({ name: 'Home' });
  response.json({ hello: 'world' });
});

app.post('/sign-up', express.json(), (request, response) => {
  const { email } = request.body;
  response.locals.userId = randomUUID();
  // From here on events have both ids, which ties the visitor to the user.
  request.analytics.identify({ traits: { email } });
  request.analytics.track({ event: 'Signed Up' });
  response.status(201).json({ userId: response.locals.userId });
});

const server = app.listen(Number(PORT), () => {
  console.log(`Server listening at http://127.0.0.1:${server.address().port}`);
});

closeWithGrace({ delay: 20_000 }, () => closeServer(server, analytics));
