// Splits a batch that was refused until only the refused events have failed, and a batch that is too large for a slow
// link into parts that fit. Pure. Used by delivery.ts.
//
//   whole -> split           the API refuses the batch: its halves are sent one after the other
//   whole, split -> split    an upload was too slow: its events are sent in parts of the size that the link allows
//   split -> split           a part is refused, and is halved or fails
//   split -> proven          a part is delivered: from now on each event is judged by itself
//   split -> given up        16 single events in a row are refused: the API refuses everything, and the rest fails
//   split, proven -> whole   no part is left
//
// The first half is always settled first, so that outcomes keep the order of events.
import { type Batch, cut, halve, join } from '../batch/batch.js';
import type { Response } from '../http/response.js';
import type { Verdict } from './retry.js';

/**
 * If this many single events in a row are refused and none was delivered, the rest of the batch fails too. A wrong path
 * or a gateway refuses everything: 500 events take 36 requests with this limit, and 999 without it.
 */
export const MAX_REFUSED_IN_A_ROW = 16;

/** Earlier attempts for a batch. */
interface Tried {
  /** When the first attempt began. */
  readonly since: number;
  readonly attempts: number;
  /** Retries that count against `maxRetries`. */
  readonly retries: number;
  /** The result of the last attempt. */
  readonly last: Response | undefined;
}

/** A batch to send. */
export interface Part {
  readonly batch: Batch;
  /** Set if this was part of a batch that was too large for the link. */
  readonly tried?: Tried | undefined;
}

export class SplitBatch {
  /** Unsent parts; the next one is last. */
  readonly #parts: Part[] = [];
  #isProven = false;
  #refusedInARow = 0;

  /** Whether any parts are left. */
  get isSplit(): boolean {
    return this.#parts.length > 0;
  }

  /** Removes and returns the next part, cut to a body of `maxBytes`. */
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

  /** Returns a part that was too large for the link. */
  putBack(part: Part): void {
    this.#parts.push(part);
  }

  delivered(): void {
    this.#isProven = true;
  }

  /** Records a part that failed. Returns the rest of the batch if it fails too. */
  failed(part: Batch, verdict: Verdict & { type: 'fail' }): Batch | undefined {
    const isRefused = part.frames.length === 1 && verdict.code === 'rejected';
    this.#refusedInARow = isRefused ? this.#refusedInARow + 1 : 0;
    if (this.#isProven || this.#refusedInARow < MAX_REFUSED_IN_A_ROW || !this.isSplit) return undefined;
    const rest = this.#parts.splice(0).reverse();
    return join(rest.map(({ batch }) => batch));
  }
}
