// Makes single attempts over the network on this thread, with the worker's code.
import { createSend } from '@offthread/worker/http/send-batch';

type Settings = Parameters<typeof createSend>[0];

/** The settings that the worker gets for a client. */
export const deliverySettings: Settings = {
  url: 'http://127.0.0.1/v1/batch',
  writeKey: 'KEY',
  userAgent: 'test',
  batchSize: 100,
  maxBatchSize: 100,
  linger: 0,
  maxRetries: 0,
  maxRetryDuration: 0,
  requestTimeout: 20_000,
  proxy: undefined,
  tls: undefined,
  headers: {},
  gzip: false,
  stub: false,
};

/** Creates the worker's `Send` for a client with these settings. */
export function sender(
  { url }: { url: string },
  more: Partial<Settings> = {},
): ReturnType<typeof createSend> {
  return createSend({ ...deliverySettings, url: `${url}/v1/batch`, ...more });
}
