// Writes what goes on for a while to the log: when it begins, and once a minute. Used by drain.ts.

/** Milliseconds between two reports of the same kind. */
const REPORT_MS = 60_000;

export class Reports {
  readonly #reportedAt = new Map<string, number>();

  /** Calls `write` unless it was called for this key within the last minute. */
  report(key: string, write: () => void): void {
    const now = performance.now();
    if (now - (this.#reportedAt.get(key) ?? Number.NEGATIVE_INFINITY) < REPORT_MS) return;
    this.#reportedAt.set(key, now);
    write();
  }

  /** It is over. Returns whether it was reported. */
  end(key: string): boolean {
    return this.#reportedAt.delete(key);
  }
}
