// Frames -> one request body within the API's limits. Next: delivery.ts.
import { lengthOf, write } from './frame.js';
import { MAX_BODY_BYTES, MAX_EVENT_BYTES } from './limits.js';
import type { DeliverySettings } from './protocol.js';
import type { Frame } from './queue.js';

const OPENING = Buffer.from('{"batch":[');
const COMMA = 0x2c;
const SENT_AT = '],"sentAt":"';
/** `2026-11-24T12:00:00.000Z`: every date of the next eight thousand years is as long as this one. */
const DATE_LENGTH = 24;
const CLOSING = '"}';
const ENDING_BYTES = SENT_AT.length + DATE_LENGTH + CLOSING.length;

/** The frames of one request. */
export interface Batch {
  readonly frames: readonly Frame[];
  /** Sequence number of the last frame. */
  readonly through: number;
}

/** What a queue has to offer to a batch. */
export interface FrameSource {
  peek(): Frame | undefined;
  shift(): Frame | undefined;
}

/** A frame that no request can carry. */
export interface Oversize {
  readonly frame: Frame;
}

/**
 * Takes the next batch out of the source: as many frames as `batchSize` and the body limit allow. A frame over the
 * event limit comes alone, as `oversize`, and only when it is its turn, so that outcomes keep the order of events.
 */
export function takeBatch(
  source: FrameSource,
  batchSize: number,
  opening: Buffer = OPENING,
): Batch | Oversize | undefined {
  const frames: Frame[] = [];
  let bytes = opening.length + ENDING_BYTES;
  for (let frame = source.peek(); frame !== undefined && frames.length < batchSize; frame = source.peek()) {
    const length = lengthOf(frame.text);
    if (length > MAX_EVENT_BYTES) {
      if (frames.length > 0) break;
      source.shift();
      return { frame };
    }
    const comma = frames.length === 0 ? 0 : 1;
    if (bytes + comma + length > MAX_BODY_BYTES) break;
    bytes += comma + length;
    frames.push(frame);
    source.shift();
  }
  return frames.length === 0 ? undefined : batchOf(frames);
}

/** The two halves of a batch of more than one frame; the first is the longer one. */
export function halve(batch: Batch): [Batch, Batch] {
  const middle = Math.ceil(batch.frames.length / 2);
  return [batchOf(batch.frames.slice(0, middle)), batchOf(batch.frames.slice(middle))];
}

/** How the bodies of a client begin: an access token does not say whose events they are, so the write key does. */
export function openingOf({ oauth, writeKey }: Pick<DeliverySettings, 'oauth' | 'writeKey'>): Buffer {
  return oauth === undefined ? OPENING : Buffer.from(`{"writeKey":${JSON.stringify(writeKey)},"batch":[`);
}

/** The body of a request: the frames as they are, and the time of this very attempt. */
export function bodyOf(batch: Batch, sentAt: Date, opening: Buffer = OPENING): Buffer {
  const ending = SENT_AT + sentAt.toISOString() + CLOSING;
  let length = opening.length + batch.frames.length - 1 + ending.length;
  for (const { text } of batch.frames) length += lengthOf(text);
  const body = Buffer.allocUnsafe(length);
  let at = opening.copy(body);
  for (const { sequence, text } of batch.frames) {
    at = write(text, body, at);
    if (sequence !== batch.through) body[at++] = COMMA;
  }
  body.write(ending, at, 'latin1');
  return body;
}

function batchOf(frames: readonly Frame[]): Batch {
  return { frames, through: frames.at(-1)?.sequence ?? 0 };
}
