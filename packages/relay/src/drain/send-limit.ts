// Limits how many batches this process has in memory, and keeps others out while an entry is sent that may be what ends
// the processes that send it: otherwise the entries that are sent beside it would get marks too. Used by
// partition-drain.ts.

/** Batches in memory, of up to 500 KB each. */
const MAX_BATCHES = 32;

export class SendLimit {
  #room = MAX_BATCHES;
  readonly #waiting: (() => void)[] = [];
  /** End batches that are tried again later, the oldest first. */
  readonly #offers = new Set<() => void>();
  /** Requests that have begun and aren't out. */
  #beginning = 0;
  #hasSuspect = false;
  #changed: (() => void)[] = [];

  /** Waits until there is room for a batch. Returns a function to call when it is settled, or nothing if aborted. */
  async enter(signal: AbortSignal): Promise<(() => void) | undefined> {
    if (signal.aborted) return undefined;
    if (this.#room > 0) this.#room--;
    else if (!(await this.#place(signal))) return undefined;
    return once(() => {
      // A place is passed on directly, so that nobody else takes it in between.
      const next = this.#waiting.shift();
      if (next === undefined) this.#room++;
      else next();
    });
  }

  #place(signal: AbortSignal): Promise<boolean> {
    return new Promise((resolve) => {
      const take = (): void => {
        signal.removeEventListener('abort', leave);
        resolve(true);
      };
      const leave = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(take), 1);
        resolve(false);
      };
      this.#waiting.push(take);
      signal.addEventListener('abort', leave, { once: true });
      const [giveUp] = this.#offers;
      if (giveUp === undefined) return;
      this.#offers.delete(giveUp);
      giveUp();
    });
  }

  /**
   * Offers the room of a batch that is tried again later: `giveUp` is called if another batch needs it. Returns a
   * function that withdraws the offer.
   */
  offer(giveUp: () => void): () => void {
    if (this.#waiting.length > 0) {
      giveUp();
      return () => {};
    }
    this.#offers.add(giveUp);
    return () => this.#offers.delete(giveUp);
  }

  /** Waits until a request may begin. Returns a function to call when it is out. */
  async begin(isSuspect: boolean): Promise<() => void> {
    while (this.#hasSuspect || (isSuspect && this.#beginning > 0)) {
      await new Promise<void>((resolve) => this.#changed.push(resolve));
    }
    this.#beginning++;
    this.#hasSuspect = isSuspect;
    return once(() => {
      this.#beginning--;
      if (isSuspect) this.#hasSuspect = false;
      for (const wake of this.#changed.splice(0)) wake();
    });
  }
}

function once(act: () => void): () => void {
  let isDone = false;
  return () => {
    if (!isDone) act();
    isDone = true;
  };
}
