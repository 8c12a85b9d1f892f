// @offthread/sdk. The queue is as long as the scenario needs, so that nothing is refused while it is measured.
export const title = 'Offthread';

export async function load() {
  return import('@offthread/sdk');
}

export function create({ Analytics }, { url, batchSize = 500, queue = 1_000_000 }) {
  const analytics = new Analytics({
    writeKey: 'bench',
    host: url,
    batchSize,
    maxQueueSize: queue,
    maxQueueBytes: 2 ** 31,
  });
  return {
    track: (event) => analytics.track(event),
    flush: () => analytics.flush(30_000),
    close: () => analytics.close(30_000),
  };
}
