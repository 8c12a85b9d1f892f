// The counts of a client's spool. No code, only names. Used by counters.ts and client-spool.ts.

/** What a client's spool holds and has done. */
export interface SpoolStats {
  /** Events of this client that are on the disk, or settled: a loss of power doesn't take them. */
  readonly stored: number;
  /** Events of earlier processes that this client has delivered. They count nowhere else. */
  readonly recovered: number;
  /** Bytes on the disk for this write key, other processes and dead letters included. */
  readonly bytes: number;
  /** Milliseconds since the oldest event that waits was accepted; 0 if none does. */
  readonly oldestAge: number;
  /** Events that could not be read back. */
  readonly damaged: number;
}
