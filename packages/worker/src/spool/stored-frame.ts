// The types of what the spool passes to delivery. Used by own-events.ts, adopted-events.ts and spool.ts.
import type { Frame } from '../batch/queue.js';

/** An event, ready to be sent, with its age. */
export interface StoredFrame extends Frame {
  /** When it was accepted, in milliseconds since 1970. */
  readonly time: number;
}

/** Events that are given up before they are sent. */
export interface LostFrames {
  /**
   * `'damaged'`: they can't be read back. `'expired'`: they are too old. `'oversize'`: one is too large. `'left'`:
   * another process has adopted them and sends them. `'deadly'`: the processes that sent it have ended.
   */
  readonly cause: 'damaged' | 'expired' | 'oversize' | 'left' | 'deadly';
  readonly through: number;
  readonly count: number;
  /** The events, as far as they are known. */
  readonly frames: readonly StoredFrame[];
  /** The size of an oversize event. */
  readonly bytes?: number;
}
