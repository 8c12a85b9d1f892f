// @rudderstack/rudder-sdk-node, with its own default of 20 events a request: at every call it writes all that waits as
// JSON, so that longer batches would cost it more. No time goes into compression, which nobody else here does.
export const title = 'rudder-sdk-node';

export async function load() {
  return (await import('@rudderstack/rudder-sdk-node')).default;
}

export function create(Analytics, { url }) {
  const analytics = new Analytics('bench', {
    dataPlaneUrl: url,
    maxInternalQueueSize: 1_000_000,
    gzip: false,
    logLevel: 'none',
  });
  return {
    track(event) {
      analytics.track(event);
      return true;
    },
    sent: () => drain(analytics),
    close: () => drain(analytics),
  };
}

/** Its flush() sends one batch; there is no other way to send all that waits. */
async function drain(analytics) {
  for (let tries = 0; analytics.queue.length > 0 && tries < 10_000; tries++) await analytics.flush();
  await analytics.flush();
}
