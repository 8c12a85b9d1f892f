// @segment/analytics-node, with its default of 15 events per request unless a scenario says otherwise.
export const title = 'analytics-node';

export async function load() {
  return import('@segment/analytics-node');
}

export function create({ Analytics }, { url, flushAt = 15 }) {
  const analytics = new Analytics({ writeKey: 'bench', host: url, flushAt });
  analytics.on('error', () => {});
  return {
    track(event) {
      analytics.track(event);
      return true;
    },
    sent: () => analytics.flush({ timeout: 30_000 }),
    close: () => analytics.closeAndFlush({ timeout: 30_000 }),
  };
}
