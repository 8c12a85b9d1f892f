// posthog-node. With its defaults it drops events at these rates, so it gets Offthread's batch and queue sizes.
// Compression is off, as for all subjects.
export const title = 'posthog-node';

export async function load() {
  return import('posthog-node');
}

export function create({ PostHog }, { captureUrl, defaults = false }) {
  const settings = { maxBatchSize: 500, maxQueueSize: 1_000_000, disableCompression: true };
  const client = new PostHog('bench', { host: captureUrl, ...(defaults ? {} : settings) });
  return {
    track({ userId, event, properties, context }) {
      client.capture({ distinctId: userId, event, properties: { properties, context } });
      return true;
    },
    sent: () => client.flush(),
    close: () => client.shutdown(30_000),
  };
}
