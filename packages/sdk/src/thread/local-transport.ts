// A transport without a worker thread: for disabled clients and for tests. Used by null-transport.ts and
// testing/recording-transport.ts.
import type { Wait } from '../flush/wait.js';
import { DeferredTask } from '../runtime/deferred-task.js';
import type { Transport } from './transport.js';

export class LocalTransport implements Transport {
  readonly failure = undefined;
  readonly lastAttempt = undefined;
  readonly spool = undefined;
  /** Always 0, because no requests are made. */
  readonly requestCounts = { requests: 0, retries: 0, bytes: 0 };
  readonly #settle: () => void;
  readonly #take: () => void;
  readonly #settling = new DeferredTask(() => this.#settleOpen());
  #isReleased = false;

  /**
   * @param settle reports the events taken so far to the client.
   * @param take takes new events, in the call that tracks them.
   */
  constructor(settle: () => void, take: () => void = () => {}) {
    this.#settle = settle;
    this.#take = take;
  }

  /** Settles when the running code has ended, because in production no event settles in its own call either. */
  scheduleSend(): void {
    this.#take();
    this.#settling.schedule();
  }

  /** Does nothing, because events settle by themselves. */
  requestFlush(): void {}

  expect(_through: number): void {}

  requestStore(): number {
    return 0;
  }

  /** Does nothing, because outcomes are reported when the running code has ended. */
  catchUp(): void {}

  block(wait: Wait): boolean {
    this.#settleOpen();
    return wait.done;
  }

  isHeldPast(_deadline: number): boolean {
    return false;
  }

  async release(): Promise<void> {
    this.#isReleased = true;
  }

  #settleOpen(): void {
    if (!this.#isReleased) this.#settle();
  }
}
