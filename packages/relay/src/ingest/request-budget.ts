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

  /** Reserves memory for a request. Returns undefined if there isn't enough. */
  take(headers: IncomingHttpHeaders): Reservation | undefined {
    const bytes = REQUEST_BYTES + bodyBytes(headers);
    if (this.#used + bytes > BUDGET_BYTES) return undefined;
    this.#used += bytes;
    return new Reservation(() => {
      this.#used -= bytes;
    });
  }
}

/** Memory of a request. It is given back when its connection and its events need it no longer. */
export class Reservation {
  readonly #giveBack: () => void;
  #uses = 1;

  constructor(giveBack: () => void) {
    this.#giveBack = giveBack;
  }

  /** Keeps it while something is done, also if the client disconnects meanwhile. */
  async during<T>(act: () => Promise<T>): Promise<T> {
    this.#uses++;
    try {
      return await act();
    } finally {
      this.end();
    }
  }

  /** The connection needs it no longer. */
  end(): void {
    this.#uses--;
    if (this.#uses === 0) this.#giveBack();
  }
}

/** The size of a body once it is unpacked, or the limit if it isn't known yet. */
function bodyBytes(headers: IncomingHttpHeaders): number {
  const length = Number(headers['content-length'] ?? Number.NaN);
  const isKnown = headers['content-encoding'] === undefined && length <= MAX_REQUEST_BYTES;
  return isKnown ? length : MAX_REQUEST_BYTES;
}
