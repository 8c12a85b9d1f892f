// In: an address, and what else the worker is told. Out: what makes one attempt over the network, on this thread.
import { createSend } from '@offthread/worker/http/send-batch';

type Settings = Parameters<typeof createSend>[0];

/** What the worker knows of a client whose settings are these. */
export const deliverySettings: Settings = {
  url: 'http://127.0.0.1/v1/batch',
  writeKey: 'KEY',
  userAgent: 'test',
  batchSize: 100,
  maxBatchSize: 100,
  linger: 0,
  maxRetries: 0,
  maxRetryDuration: 0,
  requestTimeout: 1_000,
  proxy: undefined,
  tls: undefined,
  headers: {},
  gzip: false,
  stub: false,
};

/** What the worker sends with for a client of these settings. */
export function sender(
  { url }: { url: string },
  more: Partial<Settings> = {},
): ReturnType<typeof createSend> {
  return createSend({ ...deliverySettings, url: `${url}/v1/batch`, ...more });
}
