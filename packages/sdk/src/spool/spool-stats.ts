// The counts of a client's spool. Types only. Used by counters.ts and client-spool.ts.

/** The state and the counts of a client's spool. */
export interface SpoolStats {
  /** Events of this client that are settled or on disk, where they survive a loss of power. */
  readonly stored: number;
  /** Events of earlier processes that this client has delivered. Not part of any other count. */
  readonly recovered: number;
  /** Bytes on disk for this write key, including other processes and dead letters. */
  readonly bytes: number;
  /** Milliseconds since the oldest waiting event was accepted, or 0 if none is waiting. */
  readonly oldestAge: number;
  /** Events that could not be read back. */
  readonly damaged: number;
}
