// Chooses how requests are authorized: by the write key, or by an access token from access-token.ts. Used by
// delivery.ts. Next: send-batch.ts.

import type { DeliverySettings } from '../protocol.js';
import type { Authorization, Authorize } from './authorization.js';
import { createExchange } from './exchange.js';

const WRITE_KEY: Authorization = { type: 'authorized', check: (response) => response };

/** Creates an `Authorize` for one client. `gone` is aborted when the client is closed. */
export function createAuthorize(settings: DeliverySettings, gone?: AbortSignal): Authorize {
  const { oauth, stub, userAgent } = settings;
  if (oauth === undefined || stub) return async () => WRITE_KEY;
  // Evaluated only if OAuth is used. It is bundled into the worker's program, so no file is loaded.
  const authorize = import('./access-token.js').then(
    ({ TokenSource }): Authorize => {
      const tokenSettings = { ...settings, proxy: oauth.proxy, headers: {} };
      const exchange = createExchange(`${oauth.authServer}/token`, tokenSettings, gone);
      const tokens = new TokenSource(oauth, userAgent, exchange);
      return (signal) => tokens.authorize(signal);
    },
    ({ message }: Error): Authorize =>
      async () => {
        return { type: 'refused', code: 'token_refused', message: `OAuth cannot be loaded: ${message}` };
      },
  );
  return async (signal) => (await authorize)(signal);
}
