// Pending events -> nowhere: what a disabled client has instead of worker-transport.ts. Used by client.ts.

import type { Wait } from '../flush/wait.js';
import type { PendingEvents } from '../pending/pending-events.js';
import { DeferredTask } from '../runtime/deferred-task.js';
import type { Transport, TransportListener } from './transport.js';

export class NullTransport implements Transport {
  readonly failure = undefined;
  readonly lastAttempt = undefined;
  readonly requestCounts = { requests: 0, retries: 0, bytes: 0 };
  readonly #pendingEvents: PendingEvents;
  readonly #listener: TransportListener;
  readonly #delivery = new DeferredTask(() => this.#settle());

  constructor(pendingEvents: PendingEvents, listener: TransportListener) {
    this.#pendingEvents = pendingEvents;
    this.#listener = listener;
  }

  /** Settles when the code that is running ends, as in production no event is settled in its own call. */
  scheduleSend(): void {
    this.#delivery.schedule();
  }

  /** Nothing takes any time here. */
  requestFlush(): void {}

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
    this.#listener.onOutcome({ type: 'delivered', through: this.#pendingEvents.accepted });
  }
}
