// Writes the body of a request for a batch, in memory that is reused. Next: delivery.ts.

import { lengthOf, write } from '../frame/frame.js';
import type { DeliverySettings } from '../protocol.js';
import type { Batch } from './batch.js';
import { CLOSING, OPENING, SENT_AT } from './body-format.js';

const COMMA = 0x2c;

/** Bodies are allocated in multiples of this. The memory of a smaller body isn't worth keeping. */
const STEP_BYTES = 64 * 1024;

/** Spare memory kept for the next requests of any client: 2 MB at most. */
const MAX_SPARE = 4;

/**
 * Spare memory for bodies, the largest last. Touching the pages of new memory costs more than the rest of a request.
 */
const spare: ArrayBuffer[] = [];

/**
 * The start of each body of a client. It contains the write key if OAuth is used, because an access token doesn't
 * identify the source.
 */
export function openingOf({ oauth, writeKey }: Pick<DeliverySettings, 'oauth' | 'writeKey'>): Buffer {
  return oauth === undefined ? OPENING : Buffer.from(`{"writeKey":${JSON.stringify(writeKey)},"batch":[`);
}

/** Returns the body of a request: the unchanged frames, and the time of this attempt. */
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

/** Makes the memory of a body available again. Nothing may read it after this call. */
export function releaseBody({ length, buffer }: Buffer): void {
  if (length < STEP_BYTES) return;
  spare.push(buffer as ArrayBuffer);
  spare.sort((a, b) => a.byteLength - b.byteLength);
  if (spare.length > MAX_SPARE) spare.shift();
}
