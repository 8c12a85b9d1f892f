// What a request is authorized by: a type for pass.ts, which makes it, oauth.ts and delivery.ts.
import type { Response } from './exchange.js';

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
