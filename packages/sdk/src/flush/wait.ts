// The condition and the deadline of a wait. Used by client.ts.
import type { PendingEvents } from '../pending/pending-events.js';

export interface Wait {
  readonly done: boolean;
  /** On the clock of `now()`. May be postponed until it has passed. */
  readonly deadline: number;
}

/** Waits for all events up to `through` to settle. */
export function untilSettled(pendingEvents: PendingEvents, through: number, deadline: number): Wait {
  return {
    deadline,
    get done() {
      return pendingEvents.settled >= through;
    },
  };
}

/** Waits for all events accepted so far to be on disk or settled. */
export function untilStored(pendingEvents: PendingEvents, deadline: number): Wait {
  const { accepted } = pendingEvents;
  return {
    deadline,
    get done() {
      return Math.max(pendingEvents.stored, pendingEvents.settled) >= accepted;
    },
  };
}
