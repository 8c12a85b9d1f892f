// Marks the entries of a request while it is made, so that the next relay knows them if this one ends. Used by
// partition-drain.ts.
import type { EngineAccess } from './engine-access.js';
import type { SendLimit } from './send-limit.js';

/**
 * Milliseconds after which a request is out, even without an answer: what ends a process does so while the request is
 * made.
 */
const OUT_MS = 100;

export class RequestMarks {
  readonly #access: EngineAccess;
  readonly #limit: SendLimit;
  #marked: readonly string[] = [];
  #leave: (() => void) | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(access: EngineAccess, limit: SendLimit) {
    this.#access = access;
    this.#limit = limit;
  }

  /** Marks entries before they are sent. @param isSuspect whether they have ended another relay. */
  async begin(ids: readonly string[], isSuspect: boolean): Promise<void> {
    this.#leave = await this.#limit.begin(isSuspect);
    await this.#access.useAsHolder((engine, lease) => engine.mark(lease, ids));
    this.#marked = ids;
  }

  /** The request is made now. */
  send(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.unmark(), OUT_MS);
  }

  /** The request is out, and this process is alive. Does nothing if that is known already. */
  unmark(): void {
    const ids = this.settle();
    if (ids.length > 0) this.#access.attempt((engine, lease) => engine.unmark(lease, ids));
  }

  /** The same if the entries, and so their marks, are removed. */
  settle(): readonly string[] {
    clearTimeout(this.#timer);
    this.#leave?.();
    this.#leave = undefined;
    const ids = this.#marked;
    this.#marked = [];
    return ids;
  }
}
