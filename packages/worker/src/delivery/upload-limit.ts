// The maximum size of a body on a slow link. Pure. Used by delivery.ts.
//
//   full -> limited       an upload timed out: half of its size
//   limited -> limited    again half; or double after bodies of about that size were delivered
//   limited -> full       the API's limit is reached
import { MAX_BODY_BYTES } from '../limits.js';

/** The most successes required before the limit grows. */
const MAX_PATIENCE = 64;

export class UploadLimit {
  #bytes = MAX_BODY_BYTES;
  /**
   * Successes required before the limit grows. Doubles whenever the limit grew too far, because that costs a
   * requestTimeout.
   */
  #patience = 1;
  #successes = 0;
  #hasGrown = false;

  get bytes(): number {
    return this.#bytes;
  }

  /** Lowers the limit after a body of this size was too slow. */
  slow(bytes: number): void {
    if (this.#hasGrown) this.#patience = Math.min(this.#patience * 2, MAX_PATIENCE);
    this.#hasGrown = false;
    this.#successes = 0;
    this.#bytes = Math.max(1, Math.min(this.#bytes - 1, Math.floor(bytes / 2)));
  }

  /** Raises the limit after enough bodies of about this size were delivered. */
  delivered(bytes: number): void {
    // A small body says nothing about a large one.
    if (this.#bytes === MAX_BODY_BYTES || bytes < this.#bytes / 2) return;
    this.#successes++;
    if (this.#successes < this.#patience) return;
    this.#successes = 0;
    this.#bytes = Math.min(this.#bytes * 2, MAX_BODY_BYTES);
    this.#hasGrown = this.#bytes < MAX_BODY_BYTES;
    if (!this.#hasGrown) this.#patience = 1;
  }
}
