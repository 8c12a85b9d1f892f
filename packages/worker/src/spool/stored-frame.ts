// What the spool gives to delivery. No code, only names. Used by own-events.ts, adopted-events.ts and spool.ts.
import type { Frame } from '../batch/queue.js';

/** An event, ready to be sent, that knows its age. */
export interface StoredFrame extends Frame {
  /** When it was accepted, in milliseconds since 1970. */
  readonly time: number;
}

/** Events that are given up before they are sent. */
export interface LostFrames {
  /**
   * `'damaged'`: they can't be read back. `'expired'`: they are too old. `'oversize'`: too large. `'left'`: another process has
   * taken them over, and sends them.
   */
  readonly cause: 'damaged' | 'expired' | 'oversize' | 'left';
  readonly through: number;
  readonly count: number;
  /** What is known of them. */
  readonly frames: readonly StoredFrame[];
  /** Of one that is too large. */
  readonly bytes?: number;
}
