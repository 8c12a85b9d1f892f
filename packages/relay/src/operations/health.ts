// Whether the relay can take events, for load balancers and orchestrators.

/** Milliseconds for which an answer of the engine counts, so that probes don't add up. */
const FRESH_MS = 1_000;

/** Milliseconds after which an engine that doesn't answer counts as down. */
const CHECK_LIMIT_MS = 2_000;

export class Health {
  readonly #check: () => Promise<string | undefined>;
  #isStopping = false;
  #checked = Number.NEGATIVE_INFINITY;
  #last: Promise<string | undefined> = Promise.resolve(undefined);

  /** @param check resolves with why the engine takes no events. Rejects if it doesn't answer. */
  constructor(check: () => Promise<string | undefined>) {
    this.#check = check;
  }

  /** From now on the relay isn't ready, so that no more requests are sent to it. */
  stop(): void {
    this.#isStopping = true;
  }

  /** Resolves with why the relay isn't ready; undefined if it is. */
  async reason(): Promise<string | undefined> {
    if (this.#isStopping) return 'the relay is stopping';
    const now = performance.now();
    if (now - this.#checked >= FRESH_MS) {
      this.#checked = now;
      this.#last = this.#ask();
    }
    return this.#last;
  }

  async #ask(): Promise<string | undefined> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`no answer for ${CHECK_LIMIT_MS} ms`)), CHECK_LIMIT_MS);
    });
    try {
      return await Promise.race([this.#check(), late]);
    } catch {
      // The error may contain an address, which is nothing for everybody.
      return 'the engine does not answer';
    } finally {
      clearTimeout(timer);
    }
  }
}
