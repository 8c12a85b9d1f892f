// In: id of an event, `stay` or `leave`. Out: a route that tracks, and flushes its client or ends the server in the same tick.
import { Analytics } from '@offthread/sdk';

const analytics = new Analytics({ writeKey: 'KEY', host: process.env.OFFTHREAD_HOST, flushTimeout: 20_000 });

export default defineEventHandler((event) => {
  const { id, how } = getQuery(event);
  analytics.track({ userId: 'u', event: 'Bundled', messageId: id });
  if (how === 'leave') process.exit(7);
  return analytics.flushAsync(20_000);
});
