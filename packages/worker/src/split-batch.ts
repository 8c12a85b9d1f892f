// A refused batch -> smaller ones, until only refused events have failed. Pure. Used by delivery.ts.
//
//   whole -> split           the API refuses the batch: its halves are sent one after the other
//   split -> split           a part is refused and halved, or fails
//   split -> proven          a part is delivered: from now on each event is judged by itself
//   split -> given up        16 single events in a row are refused: the API refuses everything, and the rest fails
//   split, proven -> whole   no part is left
//
// The first half goes first, whatever becomes of it, so that outcomes keep the order of events.
import { type Batch, halve, join } from './batch.js';
import type { Verdict } from './retry.js';

/**
 * Single events refused in a row after which the rest of the batch fails, if none was delivered. A wrong path or a
 * gateway refuses everything: 500 events take 36 requests with this limit, and 999 without.
 */
export const MAX_REFUSED_IN_A_ROW = 16;

export class SplitBatch {
  /** What has not been sent, the next part last. */
  readonly #parts: Batch[] = [];
  #isProven = false;
  #refusedInARow = 0;

  /** Whether parts are left. */
  get isSplit(): boolean {
    return this.#parts.length > 0;
  }

  /** Takes out the part to send next. */
  next(): Batch | undefined {
    const part = this.#parts.pop();
    if (part === undefined) {
      this.#isProven = false;
      this.#refusedInARow = 0;
    }
    return part;
  }

  halve(part: Batch): void {
    const [first, second] = halve(part);
    this.#parts.push(second, first);
  }

  delivered(): void {
    this.#isProven = true;
  }

  /** Takes note of a part that failed. Returns the rest of the batch if that fails with it. */
  failed(part: Batch, verdict: Verdict & { type: 'fail' }): Batch | undefined {
    const isRefused = part.frames.length === 1 && verdict.code === 'rejected';
    this.#refusedInARow = isRefused ? this.#refusedInARow + 1 : 0;
    if (this.#isProven || this.#refusedInARow < MAX_REFUSED_IN_A_ROW || !this.isSplit) return undefined;
    return join(this.#parts.splice(0).reverse());
  }
}
