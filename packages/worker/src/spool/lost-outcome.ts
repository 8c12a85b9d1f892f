// Says how events ended that are given up before they are sent. Pure. Used by spool.ts.
import { stringOf } from '../frame/frame.js';
import { describeOversize } from '../limits.js';
import type { Outcome, WorkerSpool } from '../protocol.js';
import type { LostFrames } from './stored-frame.js';

export function lostOutcome(
  { cause, through, frames, bytes = 0 }: LostFrames,
  { directory, maxAge }: WorkerSpool,
): Outcome {
  if (cause === 'left') return { type: 'left', through };
  const events = frames.map(({ text }) => stringOf(text));
  const loss = { type: 'dropped', through, status: undefined, attempts: 0, events } as const;
  switch (cause) {
    case 'oversize':
      return { ...loss, code: 'event_too_large', message: describeOversize(bytes) };
    case 'expired': {
      const message = `Events were older than the ${maxAge} ms of spool.maxAge before they could be sent`;
      return { ...loss, code: 'spool_expired', message };
    }
    case 'deadly': {
      const message =
        'The processes that sent this event have ended, several in a row; it is put aside, so that the others can be sent';
      return { ...loss, code: 'worker_crashed', message };
    }
    case 'damaged': {
      const message = `Events in ${directory} can't be read back: what is there is not what was written`;
      return { ...loss, code: 'spool_damaged', message };
    }
    default:
      return cause satisfies never;
  }
}
