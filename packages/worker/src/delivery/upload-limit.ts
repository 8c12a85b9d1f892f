// How many bytes a body may have on this link. Pure. Used by delivery.ts.
//
//   full -> limited       an upload was not done as time ran out: half of what it had
//   limited -> limited    the same again; or twice as much after bodies of about that size were delivered
//   limited -> full       it is what the API takes
import { MAX_BODY_BYTES } from '../limits.js';

/** Most successes that are asked for before the limit grows. */
const MAX_PATIENCE = 64;

export class UploadLimit {
  #bytes = MAX_BODY_BYTES;
  /** Successes until the limit grows. Twice as many each time it had grown too much: that costs a requestTimeout. */
  #patience = 1;
  #successes = 0;
  #hasGrown = false;

  get bytes(): number {
    return this.#bytes;
  }

  /** A body of so many bytes was too much. */
  slow(bytes: number): void {
    if (this.#hasGrown) this.#patience = Math.min(this.#patience * 2, MAX_PATIENCE);
    this.#hasGrown = false;
    this.#successes = 0;
    this.#bytes = Math.max(1, Math.min(this.#bytes - 1, Math.floor(bytes / 2)));
  }

  /** A body of so many bytes was delivered. */
  delivered(bytes: number): void {
    // A small one says nothing of a large one.
    if (this.#bytes === MAX_BODY_BYTES || bytes < this.#bytes / 2) return;
    this.#successes++;
    if (this.#successes < this.#patience) return;
    this.#successes = 0;
    this.#bytes = Math.min(this.#bytes * 2, MAX_BODY_BYTES);
    this.#hasGrown = this.#bytes < MAX_BODY_BYTES;
    if (!this.#hasGrown) this.#patience = 1;
  }
}
