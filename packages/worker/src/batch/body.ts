// Batch -> the body of a request, in memory that is used again. Next: delivery.ts.

import { lengthOf, write } from '../frame/frame.js';
import type { DeliverySettings } from '../protocol.js';
import type { Batch } from './batch.js';
import { CLOSING, OPENING, SENT_AT } from './body-format.js';

const COMMA = 0x2c;

/** The memory of a body has so many bytes, or a multiple of it; that of a small one is not worth keeping. */
const STEP_BYTES = 64 * 1024;

/** Kept for the next requests, whosever they are: 2 MB at most. */
const MAX_SPARE = 4;

/** Memory for bodies, the largest last. The pages of a new one cost more than all else that is done for a request. */
const spare: ArrayBuffer[] = [];

/** How the bodies of a client begin: an access token does not say whose events they are, so the write key does. */
export function openingOf({ oauth, writeKey }: Pick<DeliverySettings, 'oauth' | 'writeKey'>): Buffer {
  return oauth === undefined ? OPENING : Buffer.from(`{"writeKey":${JSON.stringify(writeKey)},"batch":[`);
}

/** The body of a request: the frames as they are, and the time of this very attempt. */
export function bodyOf(batch: Batch, sentAt: Date, opening: Buffer = OPENING): Buffer {
  const ending = SENT_AT + sentAt.toISOString() + CLOSING;
  let length = opening.length + batch.frames.length - 1 + ending.length;
  for (const { text } of batch.frames) length += lengthOf(text);
  const body = take(length);
  let at = opening.copy(body);
  for (const { sequence, text } of batch.frames) {
    at = write(text, body, at);
    if (sequence !== batch.through) body[at++] = COMMA;
  }
  body.write(ending, at, 'latin1');
  return body;
}

function take(length: number): Buffer {
  if (length < STEP_BYTES) return Buffer.allocUnsafe(length);
  const at = spare.findIndex(({ byteLength }) => byteLength >= length);
  const [memory] = at === -1 ? [] : spare.splice(at, 1);
  return Buffer.from(memory ?? new ArrayBuffer(Math.ceil(length / STEP_BYTES) * STEP_BYTES), 0, length);
}

/** Gives back the memory of a body that nobody reads any more. */
export function releaseBody({ length, buffer }: Buffer): void {
  if (length < STEP_BYTES) return;
  spare.push(buffer as ArrayBuffer);
  spare.sort((a, b) => a.byteLength - b.byteLength);
  if (spare.length > MAX_SPARE) spare.shift();
}
