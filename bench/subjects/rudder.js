// @rudderstack/rudder-sdk-node, with its default of 20 events per request. At every call it serializes the whole queue,
// so longer batches would cost it more. Compression is off, as for all subjects.
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

/** Its flush() sends one batch, so this calls it until the queue is empty. */
async function drain(analytics) {
  for (let tries = 0; analytics.queue.length > 0 && tries < 10_000; tries++) await analytics.flush();
  await analytics.flush();
}
