// In: the bytes of an uncompressed body. Out: its events, or why it is refused. Next: ingest.ts answers.
import { EVENT_TYPES, type EventType, faultOf, isObject, type ReceivedEvent } from '../event-rules.js';
import { eventSpans } from './event-spans.js';
import { MAX_BATCH_EVENTS, MAX_EVENT_BYTES, MAX_REQUEST_BYTES } from './limits.js';

/** What a body holds. `refusal` is the message of a 400; `events` is what could be read even so. */
export interface ParsedBody {
  events: ReceivedEvent[];
  /** How many there are, also where they were not read. */
  eventCount: number;
  sentAt: string | null;
  /** The one in the body, which counts where the header has an access token. */
  writeKey?: string;
  refusal?: string;
}

/** The kind of event a single-event route takes; `null` for a batch route. */
export function typeOfRoute(path: string): EventType | null {
  return EVENT_TYPES.find((type) => path === `/v1/${type}`) ?? null;
}

/** Reads a body as the Tracking API does: one event for a single-event route, a batch for the others. */
export function parseBody(body: Buffer, route: EventType | null): ParsedBody {
  if (body.length > MAX_REQUEST_BYTES) {
    return refused(`the request body is ${body.length} bytes, over the limit of ${MAX_REQUEST_BYTES}`);
  }
  let json: unknown;
  try {
    json = JSON.parse(body.toString('utf8'));
  } catch {
    return refused('the request body is not valid JSON');
  }
  if (!isObject(json)) return refused('the request body is not a JSON object');
  const sentAt = typeof json['sentAt'] === 'string' ? json['sentAt'] : null;
  const { writeKey } = json;
  const parsed =
    route === null
      ? openBatch(json['batch'], sentAt, body)
      : openEvent({ ...json, type: route }, sentAt, body);
  return typeof writeKey === 'string' && writeKey !== '' ? { ...parsed, writeKey } : parsed;
}

const MESSAGE_ID = Buffer.from('"messageId":');

/** Counts the events of a body by their messageIds, chunk by chunk, and reads none of them: at next to no cost. */
export class EventCounter {
  #eventCount = 0;
  /** The end of what came, in which a messageId may have begun. */
  #seam: Buffer = Buffer.alloc(0);

  take(chunk: Buffer): void {
    const shorter = MESSAGE_ID.length - 1;
    const around = Buffer.concat([this.#seam, chunk.subarray(0, shorter)]);
    this.#eventCount += countIn(around) + countIn(chunk);
    this.#seam = Buffer.from((chunk.length < shorter ? around : chunk).subarray(-shorter));
  }

  get parsed(): ParsedBody {
    return { events: [], eventCount: this.#eventCount, sentAt: null };
  }
}

function countIn(bytes: Buffer): number {
  let count = 0;
  for (let at = bytes.indexOf(MESSAGE_ID); at !== -1; at = bytes.indexOf(MESSAGE_ID, at + 1)) count++;
  return count;
}

function openEvent(event: ReceivedEvent, sentAt: string | null, body: Buffer): ParsedBody {
  const tooLarge = body.length > MAX_EVENT_BYTES ? overLimit(body.length) : undefined;
  return closed([event], sentAt, reasonFor('the event', tooLarge ?? faultOf(event)));
}

function openBatch(batch: unknown, sentAt: string | null, body: Buffer): ParsedBody {
  if (!Array.isArray(batch)) return closed([], sentAt, 'the request body has no batch array');
  const events: ReceivedEvent[] = batch.filter(isObject) as ReceivedEvent[];
  if (batch.length === 0) return closed(events, sentAt, 'the batch is empty');
  if (batch.length > MAX_BATCH_EVENTS) {
    return closed(
      events,
      sentAt,
      `the batch has ${batch.length} events, over the limit of ${MAX_BATCH_EVENTS}`,
    );
  }
  // Only a body over the limit of an event can hold an event over it, so most bodies are never scanned.
  const spans = body.length > MAX_EVENT_BYTES ? eventSpans(body) : [];
  for (const [index, event] of batch.entries()) {
    const { start, end } = spans[index] ?? { start: 0, end: 0 };
    const length = end - start;
    const fault = length > MAX_EVENT_BYTES ? overLimit(length) : faultOf(event);
    if (fault !== undefined) return closed(events, sentAt, reasonFor(`batch[${index}]`, fault));
  }
  return closed(events, sentAt, undefined);
}

function overLimit(bytes: number): string {
  return `is ${bytes} bytes, over the limit of ${MAX_EVENT_BYTES}`;
}

function reasonFor(subject: string, fault: string | undefined): string | undefined {
  return fault === undefined ? undefined : `${subject} ${fault}`;
}

function refused(refusal: string): ParsedBody {
  return { events: [], eventCount: 0, sentAt: null, refusal };
}

function closed(events: ReceivedEvent[], sentAt: string | null, refusal: string | undefined): ParsedBody {
  const parsed = { events, eventCount: events.length, sentAt };
  return refusal === undefined ? parsed : { ...parsed, refusal };
}
