// In: id of an event, `stay` or `leave`. Out: a route that tracks, and flushes its client or ends the server in the same tick.
import { Analytics } from '@offthread/sdk';

let analytics;

export async function GET(request) {
  analytics ??= new Analytics({ writeKey: 'KEY', host: process.env.OFFTHREAD_HOST, flushTimeout: 20_000 });
  const { searchParams } = new URL(request.url);
  analytics.track({ userId: 'u', event: 'Bundled', messageId: searchParams.get('id') });
  if (searchParams.get('how') === 'leave') process.exit(7);
  return Response.json(await analytics.flushAsync(20_000));
}
