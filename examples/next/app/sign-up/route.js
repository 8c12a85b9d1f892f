// Takes a sign-up: `{ "email": "…" }`.
import { randomUUID } from 'node:crypto';
import { analytics } from '../../lib/analytics';

export const POST = analytics.route(async (request) => {
  const { email } = await request.json();
  const userId = randomUUID();
  const tracked = analytics.of(request);
  // These events have both ids, which ties the visitor to the user.
  tracked.identify({ userId, traits: { email } });
  tracked.track({ userId, event: 'Signed Up' });
  return Response.json({ userId }, { status: 201 });
});
