// A transport without a worker thread: for disabled clients and for tests. Used by null-transport.ts and testing/recording-transport.ts.
import type { Wait } from '../flush/wait.js';
import { DeferredTask } from '../runtime/deferred-task.js';
import type { Transport } from './transport.js';

export class LocalTransport implements Transport {
  readonly failure = undefined;
  readonly lastAttempt = undefined;
  readonly spool = undefined;
  /** There are no requests. */
  readonly requestCounts = { requests: 0, retries: 0, bytes: 0 };
  readonly #settle: () => void;
  readonly #take: () => void;
  readonly #settling = new DeferredTask(() => this.#settleOpen());
  #isReleased = false;

  /**
   * @param settle reports what has been taken to the client.
   * @param take takes new events, in the call that tracks them.
   */
  constructor(settle: () => void, take: () => void = () => {}) {
    this.#settle = settle;
    this.#take = take;
  }

  /** Settles when the code that is running ends: in production, too, no event is settled in its own call. */
  scheduleSend(): void {
    this.#take();
    this.#settling.schedule();
  }

  /** Nothing takes any time here. */
  requestFlush(): void {}

  expect(_through: number): void {}

  requestStore(): number {
    return 0;
  }

  /** Outcomes are reported when the code that is running ends. */
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
