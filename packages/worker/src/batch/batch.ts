// Frames -> batches that one request within the API's limits can carry. Next: body.ts.

import { lengthOf } from '../frame/frame.js';
import { MAX_BODY_BYTES, MAX_EVENT_BYTES } from '../limits.js';
import type { DeliverySettings } from '../protocol.js';
import { ENDING_BYTES, OPENING } from './body-format.js';
import type { Frame } from './queue.js';

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

/** A backlog is more than so many times `batchSize`. */
const BACKLOG_BATCHES = 10;

/**
 * How many events the next request may carry while `waiting` of them wait. One request at a time carries `batchSize`
 * events in the time of one, whatever that is: if more come, only larger requests keep the queue from filling up.
 */
export function sizeOf(
  waiting: number,
  { batchSize, maxBatchSize }: Pick<DeliverySettings, 'batchSize' | 'maxBatchSize'>,
): number {
  return waiting > BACKLOG_BATCHES * batchSize ? maxBatchSize : batchSize;
}

/**
 * Takes the next batch out of the source: as many frames as `batchSize` and `maxBytes` of body allow, and at least one. A
 * frame over the event limit comes alone, as `oversize`, and only when it is its turn, so that outcomes keep the order of
 * events.
 */
export function takeBatch(
  source: FrameSource,
  batchSize: number,
  opening: Buffer = OPENING,
  maxBytes: number = MAX_BODY_BYTES,
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
    if (frames.length > 0 && bytes + comma + length > maxBytes) break;
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

/** A batch as far as `maxBytes` of body allow, which is at least one frame, and the rest if there is one. */
export function cut(batch: Batch, opening: Buffer, maxBytes: number): [Batch, Batch?] {
  let bytes = opening.length + ENDING_BYTES - 1;
  const end = batch.frames.findIndex(({ text }, index) => {
    bytes += 1 + lengthOf(text);
    return index > 0 && bytes > maxBytes;
  });
  if (end === -1) return [batch];
  return [batchOf(batch.frames.slice(0, end)), batchOf(batch.frames.slice(end))];
}

/** Batches that follow each other, as one. */
export function join(batches: readonly Batch[]): Batch {
  return batchOf(batches.flatMap(({ frames }) => frames));
}

function batchOf(frames: readonly Frame[]): Batch {
  return { frames, through: frames.at(-1)?.sequence ?? 0 };
}
