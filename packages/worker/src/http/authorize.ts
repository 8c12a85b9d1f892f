// Settings -> what lets a request in: the write key, or an access token of access-token.ts. Used by delivery.ts. Next: send-batch.ts.

import type { DeliverySettings } from '../protocol.js';
import type { Authorization, Authorize } from './authorization.js';
import { createExchange } from './exchange.js';

const WRITE_KEY: Authorization = { type: 'authorized', check: (response) => response };

/** An `Admit` for one client. */
export function createAuthorize(settings: DeliverySettings): Authorize {
  const { oauth, stub, userAgent } = settings;
  if (oauth === undefined || stub) return async () => WRITE_KEY;
  // Evaluated only for those who need it. In the thread it is part of the same text, so nothing is loaded.
  const authorize = import('./access-token.js').then(
    ({ TokenSource }): Authorize => {
      const exchange = createExchange(`${oauth.authServer}/token`, {
        ...settings,
        proxy: oauth.proxy,
        headers: {},
      });
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
