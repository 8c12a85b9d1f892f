// Builds the messages that tell main what happened to a batch. Next: the port, then the SDK's pending-events.ts.
import type { Batch, Oversize } from '../batch/batch.js';
import { lengthOf } from '../frame/frame.js';
import type { Response } from '../http/response.js';
import { describeOversize } from '../limits.js';
import type { Outcome, Retry } from '../protocol.js';
import { reasonOf, type Verdict } from './retry.js';

/** The attempts made for a batch. */
export interface Attempts {
  readonly attempts: number;
  readonly status: number | undefined;
}

export function delivered(batch: Batch): Outcome {
  return { type: 'delivered', through: batch.through };
}

export function failed(batch: Batch, verdict: Verdict & { type: 'fail' }, tried: Attempts): Outcome {
  const { code, message } = verdict;
  return {
    type: 'failed',
    through: batch.through,
    code,
    message,
    status: tried.status,
    attempts: tried.attempts,
  };
}

export function oversize({ frame }: Oversize): Outcome {
  const message = describeOversize(lengthOf(frame.text));
  return {
    type: 'dropped',
    through: frame.sequence,
    code: 'event_too_large',
    message,
    status: undefined,
    attempts: 0,
  };
}

/** @param last the result of the last attempt. */
export function retried(batch: Batch, attempts: number, last: Response): Retry {
  const isReply = last.type === 'reply';
  return {
    count: batch.frames.length,
    attempts,
    status: isReply ? last.status : undefined,
    message: isReply ? reasonOf(last) : last.message,
  };
}
