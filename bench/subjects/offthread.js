// @offthread/sdk. The queue is as long as the scenario needs, so that nothing is refused during a measurement.
export const title = 'Offthread';

/** The default of `maxQueueSize`. */
const DEFAULT_QUEUE = 10_000;

export async function load() {
  return import('@offthread/sdk');
}

export function create({ Analytics }, { url, batchSize = 500, queue = 1_000_000, defaults = false }) {
  const settings = defaults ? {} : { batchSize, maxQueueSize: queue, maxQueueBytes: 2 ** 31 };
  const analytics = new Analytics({ writeKey: 'bench', host: url, ...settings });
  return {
    queueShare: () => analytics.stats().pending / DEFAULT_QUEUE,
    track: (event) => analytics.track(event),
    flush: () => analytics.flush(30_000),
    sent: () => analytics.flushAsync(30_000),
    close: () => analytics.close(30_000),
  };
}
