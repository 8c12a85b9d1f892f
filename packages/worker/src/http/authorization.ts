// What a request is authorized by: a type for authorize.ts, which makes it, access-token.ts and delivery.ts.
import type { Response } from './exchange.js';

/** Lets one request in. */
export interface Authorization {
  readonly type: 'authorized';
  /** The `Authorization` header, where the write key is not enough. */
  readonly header?: string;
  /** Hears how the API liked it; what it returns says so. */
  check(response: Response): Response;
}

/** A pass, or why there is none. Never rejects. */
export type Authorize = (signal: AbortSignal) => Promise<Authorization | Response>;
