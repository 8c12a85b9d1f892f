// Where events are written before they are pending, if `spool.strict` is set. Types only. Used by pending-events.ts and
// slab.ts; client-spool.ts creates it.

/** Where events are written before they are pending. */
export interface EventLog {
  /** Whether the event was written. */
  has(sequence: number): boolean;
  /**
   * Writes a frame: the bytes of `memory` from `start` to `end`, with their header before them. Does nothing if it was
   * written.
   *
   * @throws if it can't be written. It is then not accepted.
   */
  write(sequence: number, time: number, memory: Buffer, start: number, end: number): void;
}
