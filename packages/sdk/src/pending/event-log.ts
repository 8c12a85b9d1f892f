// Where events are written before they are pending, if `spool.strict` is set. Types only. Used by pending-events.ts and
// slab.ts; client-spool.ts creates it.
import type { Kind } from '@offthread/worker/protocol';

/** Where events are written before they are pending. */
export interface EventLog {
  /** Whether the event was written. */
  has(sequence: number): boolean;
  /**
   * Writes an event: the bytes of `memory` from `start` to `end`. Does nothing if it was written.
   *
   * @throws if it can't be written. It is then not accepted.
   */
  write(sequence: number, time: number, kind: Kind, memory: Buffer, start: number, end: number): void;
}
