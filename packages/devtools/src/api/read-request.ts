// Reads the body of a request and returns its content.
import type { IncomingMessage } from 'node:http';
import {
  authorize,
  type EventRoute,
  MAX_REQUEST_BYTES,
  type Refusal,
  readBody,
  receive,
} from '@offthread/tracking-api';
import type { NewEntry } from './entry.js';
import { EventCounter } from './event-counter.js';
import type { Settings } from './options.js';

/** Bytes to keep of a body, so that one that is slightly too large is recorded whole. The rest is discarded. */
const KEPT_BYTES = 8 * MAX_REQUEST_BYTES;

/** The content of a body. */
export type Content = Pick<
  NewEntry,
  'events' | 'faults' | 'sentAt' | 'eventCount' | 'bodyBytes' | 'plainBytes' | 'body'
>;

/** A request whose body has been read. */
export interface ReadRequest {
  writeKey: string | null;
  refusal: Refusal | null;
  content: Content;
}

/** The content of a body that wasn't read. */
export const NO_CONTENT: Content = {
  events: [],
  faults: [],
  sentAt: null,
  eventCount: 0,
  bodyBytes: 0,
  plainBytes: null,
  body: null,
};

/** Reads the events of a request. Returns `null` if the client disconnected before the end. */
export async function readEvents(
  request: IncomingMessage,
  route: EventRoute,
  { writeKeys, strict }: Settings,
): Promise<ReadRequest | null> {
  const wire = await readBody(request, { keep: KEPT_BYTES, read: Number.POSITIVE_INFINITY });
  if (wire.end === 'aborted') return null;
  const tracking = { route, headers: request.headers, body: wire.bytes };
  const receipt = await receive(tracking, { writeKeys, strict, keep: KEPT_BYTES });
  const { writeKey, refusal, events, faults, sentAt, body } = receipt;
  const content = {
    events: events.filter((event) => event !== null),
    faults,
    sentAt,
    eventCount: events.length,
    bodyBytes: wire.received,
    plainBytes: body?.length ?? null,
    body,
  };
  return { writeKey, refusal, content };
}

/** Counts the events of a request without parsing them. Returns `null` if the client disconnected before the end. */
export async function countEvents(
  request: IncomingMessage,
  writeKey: string | null,
  { writeKeys }: Settings,
): Promise<ReadRequest | null> {
  const counter = new EventCounter();
  const onChunk = (chunk: Buffer): void => counter.add(chunk);
  const wire = await readBody(request, { read: Number.POSITIVE_INFINITY, onChunk });
  if (wire.end === 'aborted') return null;
  const content = { ...NO_CONTENT, eventCount: counter.count, bodyBytes: wire.received };
  return { writeKey, refusal: authorize(writeKey, writeKeys), content };
}

/** Reads a request that has no events. Returns `null` if the client disconnected before the end. */
export async function readOther(request: IncomingMessage): Promise<Content | null> {
  const wire = await readBody(request, { keep: KEPT_BYTES, read: Number.POSITIVE_INFINITY });
  if (wire.end === 'aborted') return null;
  const { received, bytes } = wire;
  return { ...NO_CONTENT, bodyBytes: received, plainBytes: bytes?.length ?? null, body: bytes };
}
