// Settings -> what lets a request in: the write key, or an access token of oauth.ts. Used by delivery.ts. Next: request.ts.
import { createPost, type Response } from './http.js';
import type { DeliverySettings } from './protocol.js';

/** Lets one request in. */
export interface Pass {
  readonly type: 'pass';
  /** The `Authorization` header, where the write key is not enough. */
  readonly authorization?: string;
  /** Hears how the API liked it; what it returns says so. */
  check(response: Response): Response;
}

/** A pass, or why there is none. Never rejects. */
export type Admit = (signal: AbortSignal) => Promise<Pass | Response>;

const WRITE_KEY: Pass = { type: 'pass', check: (response) => response };

/** An `Admit` for one client. */
export function createAdmit(settings: DeliverySettings): Admit {
  const { oauth, stub, userAgent } = settings;
  if (oauth === undefined || stub) return async () => WRITE_KEY;
  // Evaluated only for those who need it. In the thread it is part of the same text, so nothing is loaded.
  const admit = import('./oauth.js').then(
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
