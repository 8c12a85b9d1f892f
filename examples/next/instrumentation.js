// Runs once, when the server starts.
export async function register() {
  // The worker thread of the SDK needs Node.js.
  if (process.env.NEXT_RUNTIME !== 'nodejs') return;
  const { analytics } = await import('./lib/analytics');
  analytics.client.track({ anonymousId: 'server', event: 'Server Started' });
}
