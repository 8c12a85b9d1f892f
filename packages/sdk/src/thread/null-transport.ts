// Ledger -> nowhere: what a disabled client has instead of link.ts. Used by client.ts.

import type { Wait } from '../flush/wait.js';
import type { Ledger } from '../pending/pending-events.js';
import { Soon } from '../runtime/deferred-task.js';
import type { Carrier, Correspondent } from './transport.js';

export class Sink implements Carrier {
  readonly failure = undefined;
  readonly lastTry = undefined;
  readonly counters = { requests: 0, retries: 0, bytes: 0 };
  readonly #ledger: Ledger;
  readonly #correspondent: Correspondent;
  readonly #soon = new Soon(() => this.#settle());

  constructor(ledger: Ledger, correspondent: Correspondent) {
    this.#ledger = ledger;
    this.#correspondent = correspondent;
  }

  /** Settles when the code that is running ends, as in production no event is settled in its own call. */
  added(): void {
    this.#soon.ask();
  }

  /** Nothing takes any time here. */
  hurry(): void {}

  expect(_through: number): void {}

  block(wait: Wait): boolean {
    this.#settle();
    return wait.done;
  }

  isHeldPast(_deadline: number): boolean {
    return false;
  }

  async release(): Promise<void> {}

  #settle(): void {
    this.#correspondent.receive({ type: 'delivered', through: this.#ledger.accepted });
  }
}
