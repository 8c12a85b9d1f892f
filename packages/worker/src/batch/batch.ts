// Groups frames into batches that fit the API's limits for one request. Next: body.ts.

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

/** A queue that batches are taken from. */
export interface FrameSource {
  peek(): Frame | undefined;
  shift(): Frame | undefined;
}

/** A frame that no request can carry. */
export interface Oversize {
  readonly frame: Frame;
}

/** More waiting events than this many times `batchSize` are a backlog. */
const BACKLOG_BATCHES = 10;

/**
 * Returns how many events the next request may carry while `waiting` events are queued. Only one request is in flight
 * at a time, so when events arrive faster than `batchSize` per request, only larger requests keep the queue from
 * filling up.
 */
export function sizeOf(
  waiting: number,
  { batchSize, maxBatchSize }: Pick<DeliverySettings, 'batchSize' | 'maxBatchSize'>,
): number {
  return waiting > BACKLOG_BATCHES * batchSize ? maxBatchSize : batchSize;
}

/**
 * Takes the next batch from the source: as many frames as `batchSize` and a body of `maxBytes` allow, and at least one.
 * A frame over the event limit is returned by itself as `oversize`, and only when it is next in line, so that outcomes
 * keep the order of events.
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

/** Splits a batch of more than one frame in two. If the halves differ, the first is longer. */
export function halve(batch: Batch): [Batch, Batch] {
  const middle = Math.ceil(batch.frames.length / 2);
  return [batchOf(batch.frames.slice(0, middle)), batchOf(batch.frames.slice(middle))];
}

/**
 * Splits off as many frames as fit a body of `maxBytes`, but at least one. Returns them and the rest, if there is one.
 */
export function cut(batch: Batch, opening: Buffer, maxBytes: number): [Batch, Batch?] {
  let bytes = opening.length + ENDING_BYTES - 1;
  const end = batch.frames.findIndex(({ text }, index) => {
    bytes += 1 + lengthOf(text);
    return index > 0 && bytes > maxBytes;
  });
  if (end === -1) return [batch];
  return [batchOf(batch.frames.slice(0, end)), batchOf(batch.frames.slice(end))];
}

/** Joins consecutive batches into one. */
export function join(batches: readonly Batch[]): Batch {
  return batchOf(batches.flatMap(({ frames }) => frames));
}

function batchOf(frames: readonly Frame[]): Batch {
  return { frames, through: frames.at(-1)?.sequence ?? 0 };
}
