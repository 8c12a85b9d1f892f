// Uses the engine for one partition: tries again while the engine is unavailable, until the lease is lost. Used by
// partition-drain.ts.
import { type Engine, EngineUnavailableError, type Lease } from '../engine/engine.js';
import type { HeldLease } from './held-lease.js';

/** Milliseconds between two attempts. */
const RETRY_MS = 250;

/** Attempts if the partition is to be given back. */
const LAST_ATTEMPTS = 3;

/** Thrown if nothing more may be done for the partition. */
export class Ended extends Error {
  override readonly name = 'Ended';
}

export class EngineAccess {
  readonly #engine: Engine;
  readonly #held: HeldLease;
  readonly #onFailure: (error: Error) => void;
  readonly #wakers = new Set<() => void>();
  #isEnding = false;

  /** @param onFailure called with the first failure in a row. */
  constructor(engine: Engine, held: HeldLease, onFailure: (error: Error) => void) {
    this.#engine = engine;
    this.#held = held;
    this.#onFailure = onFailure;
    held.lost.addEventListener('abort', () => this.#wake());
  }

  /** Returns what the engine returns. Throws `Ended` if the lease is lost. */
  async use<T>(act: (engine: Engine, lease: Lease) => Promise<T>): Promise<T> {
    for (let attempts = 1; ; attempts++) {
      if (this.#held.isLost) throw new Ended();
      try {
        return await act(this.#engine, this.#held.lease);
      } catch (error) {
        if (!(error instanceof EngineUnavailableError)) throw error;
        if (attempts === 1) this.#onFailure(error);
        if (this.#isEnding && attempts >= LAST_ATTEMPTS) throw new Ended();
      }
      await this.pause(RETRY_MS);
    }
  }

  /** Does something that is only the lease's holder's to do. */
  async useAsHolder(act: (engine: Engine, lease: Lease) => Promise<boolean>): Promise<void> {
    if (await this.use(act)) return;
    this.#held.lose();
    throw new Ended();
  }

  /** Does something that doesn't matter if it fails. */
  attempt(act: (engine: Engine, lease: Lease) => Promise<void>): void {
    act(this.#engine, this.#held.lease).catch(this.#onFailure);
  }

  /** Waits. Ends early if the partition is to be given back or the lease is lost. */
  pause(delay: number): Promise<void> {
    if (this.#held.isLost) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = (): void => {
        clearTimeout(timer);
        this.#wakers.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, delay);
      this.#wakers.add(wake);
    });
  }

  /** The partition is to be given back: nothing is tried for long any more. */
  end(): void {
    this.#isEnding = true;
    this.#wake();
  }

  #wake(): void {
    for (const wake of [...this.#wakers]) wake();
  }
}
