// A lease that is renewed until it is released or lost. Used by partition-drain.ts.
//
//   held -> lost        another relay has it, or it couldn't be renewed in time
//   held -> released
import { type Engine, EngineUnavailableError, type Lease } from '../engine/engine.js';

/** Part of the duration that is left out, because clocks don't run at the same speed. */
const MARGIN = 0.05;

/** Attempts to renew the lease while it lasts. */
const ATTEMPTS = 4;

export class HeldLease {
  readonly lease: Lease;
  readonly #engine: Engine;
  readonly #lost = new AbortController();
  #deadline: number;
  #renewal: NodeJS.Timeout | undefined;
  #expiry: NodeJS.Timeout | undefined;
  #isReleased = false;

  /** @param since when the request for the lease began, by `performance.now()`. */
  constructor(engine: Engine, lease: Lease, since: number) {
    this.#engine = engine;
    this.lease = lease;
    this.#deadline = since + engine.leaseDuration * (1 - MARGIN);
    if (engine.leaseDuration === Number.POSITIVE_INFINITY) return;
    this.#renewal = setInterval(() => void this.#renew(), engine.leaseDuration / ATTEMPTS);
    this.#expire();
  }

  /** Aborted when the lease is lost. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** Also true if the lease has expired while the process was stopped and no timer could fire. */
  get isLost(): boolean {
    if (performance.now() >= this.#deadline) this.lose();
    return this.#lost.signal.aborted;
  }

  lose(): void {
    if (this.#isReleased || this.#lost.signal.aborted) return;
    this.#end();
    this.#lost.abort();
  }

  /** Lets another relay have the partition at once. */
  async release(): Promise<void> {
    if (this.isLost || this.#isReleased) return;
    this.#isReleased = true;
    this.#end();
    try {
      await this.#engine.release(this.lease);
    } catch (error) {
      // It expires.
      if (!(error instanceof EngineUnavailableError)) throw error;
    }
  }

  async #renew(): Promise<void> {
    const since = performance.now();
    try {
      const isMine = await this.#engine.renew(this.lease);
      if (this.#isReleased || this.isLost) return;
      if (isMine) {
        this.#deadline = since + this.#engine.leaseDuration * (1 - MARGIN);
        this.#expire();
      } else this.lose();
    } catch {
      // It is tried again, until the lease expires.
    }
  }

  #expire(): void {
    clearTimeout(this.#expiry);
    this.#expiry = setTimeout(() => this.lose(), Math.max(0, this.#deadline - performance.now()));
  }

  #end(): void {
    clearInterval(this.#renewal);
    clearTimeout(this.#expiry);
  }
}
