// The type of an authorization, shared by authorize.ts, access-token.ts and delivery.ts.
import type { Response } from './response.js';

/** Authorizes one request. */
export interface Authorization {
  readonly type: 'authorized';
  /** The `Authorization` header. Without it, the write key is used. */
  readonly header?: string;
  /** Takes the API's response, and returns it marked if the API refused the access token. */
  check(response: Response): Response;
}

/** Returns an authorization, or the response that explains why there is none. Never rejects. */
export type Authorize = (signal: AbortSignal) => Promise<Authorization | Response>;
