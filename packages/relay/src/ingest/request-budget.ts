// Bounds the memory of requests that are read at the same time. Used by front-door.ts.
import type { IncomingHttpHeaders } from 'node:http';
import { MAX_REQUEST_BYTES } from '@offthread/tracking-api';

/**
 * Most bytes of bodies at a time. A body takes about four times its size while it is read, parsed and stored.
 */
const BUDGET_BYTES = 64 * 1024 * 1024;

/** What a request takes beside its body. */
const REQUEST_BYTES = 16 * 1024;

export class RequestBudget {
  #used = 0;

  /** Reserves memory for a request. Returns the bytes to give back, or undefined if there isn't enough. */
  take(headers: IncomingHttpHeaders): number | undefined {
    const bytes = REQUEST_BYTES + bodyBytes(headers);
    if (this.#used + bytes > BUDGET_BYTES) return undefined;
    this.#used += bytes;
    return bytes;
  }

  giveBack(bytes: number): void {
    this.#used -= bytes;
  }
}

/** The size of a body once it is unpacked, or the limit if it isn't known yet. */
function bodyBytes(headers: IncomingHttpHeaders): number {
  const length = Number(headers['content-length'] ?? Number.NaN);
  const isKnown = headers['content-encoding'] === undefined && length <= MAX_REQUEST_BYTES;
  return isKnown ? length : MAX_REQUEST_BYTES;
}
