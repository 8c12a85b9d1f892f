// Settings -> what lets a request in: the write key, or an access token of oauth.ts. Used by delivery.ts. Next: request.ts.

import type { DeliverySettings } from '../protocol.js';
import type { Admit, Pass } from './authorization.js';
import { createPost } from './exchange.js';

const WRITE_KEY: Pass = { type: 'pass', check: (response) => response };

/** An `Admit` for one client. */
export function createAdmit(settings: DeliverySettings): Admit {
  const { oauth, stub, userAgent } = settings;
  if (oauth === undefined || stub) return async () => WRITE_KEY;
  // Evaluated only for those who need it. In the thread it is part of the same text, so nothing is loaded.
  const admit = import('./access-token.js').then(
    ({ TokenSource }): Admit => {
      const post = createPost(`${oauth.authServer}/token`, { ...settings, proxy: oauth.proxy, headers: {} });
      const tokens = new TokenSource(oauth, userAgent, post);
      return (signal) => tokens.admit(signal);
    },
    ({ message }: Error): Admit =>
      async () => {
        return { type: 'refused', code: 'token_refused', message: `OAuth cannot be loaded: ${message}` };
      },
  );
  return async (signal) => (await admit)(signal);
}
