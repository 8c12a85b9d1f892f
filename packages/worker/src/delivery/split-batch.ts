// A refused batch -> smaller ones, until only refused events have failed; one that is too large for the link -> as many as
// it takes. Pure. Used by delivery.ts.
//
//   whole -> split           the API refuses the batch: its halves are sent one after the other
//   whole, split -> split    an upload was too slow: what it carried is sent in parts of the size that the link allows
//   split -> split           a part is refused and halved, or fails
//   split -> proven          a part is delivered: from now on each event is judged by itself
//   split -> given up        16 single events in a row are refused: the API refuses everything, and the rest fails
//   split, proven -> whole   no part is left
//
// The first half goes first, whatever becomes of it, so that outcomes keep the order of events.
import { type Batch, cut, halve, join } from '../batch/batch.js';
import type { Response } from '../http/exchange.js';
import type { Verdict } from './retry.js';

/**
 * Single events refused in a row after which the rest of the batch fails, if none was delivered. A wrong path or a
 * gateway refuses everything: 500 events take 36 requests with this limit, and 999 without.
 */
export const MAX_REFUSED_IN_A_ROW = 16;

/** What was tried for a batch before. */
interface Tried {
  /** When the first attempt began. */
  readonly since: number;
  readonly attempts: number;
  /** Retries that count against `maxRetries`. */
  readonly retries: number;
  /** How the last attempt ended. */
  readonly last: Response | undefined;
}

/** A batch to send. */
export interface Part {
  readonly batch: Batch;
  /** If it was part of a batch that was too large for the link. */
  readonly tried?: Tried | undefined;
}

export class SplitBatch {
  /** What has not been sent, the next part last. */
  readonly #parts: Part[] = [];
  #isProven = false;
  #refusedInARow = 0;

  /** Whether parts are left. */
  get isSplit(): boolean {
    return this.#parts.length > 0;
  }

  /** Takes out the part to send next, as far as `maxBytes` of body allow. */
  next(opening: Buffer, maxBytes: number): Part | undefined {
    const part = this.#parts.pop();
    if (part === undefined) {
      this.#isProven = false;
      this.#refusedInARow = 0;
      return undefined;
    }
    const [batch, rest] = cut(part.batch, opening, maxBytes);
    if (rest !== undefined) this.#parts.push({ ...part, batch: rest });
    return { ...part, batch };
  }

  halve(batch: Batch): void {
    const [first, second] = halve(batch);
    this.#parts.push({ batch: second }, { batch: first });
  }

  /** Takes back a part that was too large for the link. */
  putBack(part: Part): void {
    this.#parts.push(part);
  }

  delivered(): void {
    this.#isProven = true;
  }

  /** Takes note of a part that failed. Returns the rest of the batch if that fails with it. */
  failed(part: Batch, verdict: Verdict & { type: 'fail' }): Batch | undefined {
    const isRefused = part.frames.length === 1 && verdict.code === 'rejected';
    this.#refusedInARow = isRefused ? this.#refusedInARow + 1 : 0;
    if (this.#isProven || this.#refusedInARow < MAX_REFUSED_IN_A_ROW || !this.isSplit) return undefined;
    const rest = this.#parts.splice(0).reverse();
    return join(rest.map(({ batch }) => batch));
  }
}
