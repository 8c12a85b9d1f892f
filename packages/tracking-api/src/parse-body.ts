// Parses the JSON text of a request body into events, and lists what is wrong with them.
import { isObject, type ReceivedEvent } from './event.js';
import { type Fault, type FaultCode, faultOf } from './fault.js';
import { elementsOf, memberOf, type Span } from './json-spans.js';
import { MAX_BATCH_EVENTS, MAX_EVENT_BYTES, MAX_MERGED_BYTES, MAX_REQUEST_BYTES } from './limits.js';
import { type Refusal, tooLarge } from './refusal.js';
import type { EventRoute } from './route.js';

/** The content of a body. */
export interface ParsedBody {
  /** One for each element of the batch; `null` if it isn't an object. */
  events: (ReceivedEvent | null)[];
  /**
   * Faults of the batch and of its events, those of the batch first; at most about 2,500. The API answers 200 despite
   * them.
   */
  faults: Fault[];
  /** The `sentAt` of the request. */
  sentAt: string | null;
  /** The write key in the body. */
  writeKey: string | null;
  /** Why the body is refused: it is too large, or isn't a JSON object. Otherwise `null`. */
  refusal: Refusal | null;
}

/**
 * Reads a body like the Tracking API. Merges the `context` and `integrations` of a batch into its events; an event's
 * own fields take precedence. Omits write keys, and the `sentAt` of a single event, because they aren't part of an
 * event.
 */
export function parseBody(body: Buffer, route: EventRoute): ParsedBody {
  if (body.length > MAX_REQUEST_BYTES) return refused(tooLarge(body.length));
  let json: unknown;
  try {
    json = JSON.parse(body.toString('utf8'));
  } catch {
    return refused(invalidJson('the request body is not valid JSON'));
  }
  if (!isObject(json)) return refused(invalidJson('the request body is not a JSON object'));
  if (route.type === 'batch' && isTooLargeMerged(json, body)) {
    const message = `the events of the batch are over the limit of ${MAX_MERGED_BYTES} bytes with its context and integrations in each of them`;
    return refused({ status: 400, code: 'payload_too_large', message });
  }
  const { sentAt, writeKey } = json;
  const parsed = route.type === 'batch' ? parseBatch(json, body) : parseEvent(json, route.eventType, body);
  return {
    ...parsed,
    sentAt: typeof sentAt === 'string' ? sentAt : null,
    writeKey: typeof writeKey === 'string' && writeKey !== '' ? writeKey : null,
    refusal: null,
  };
}

type Events = Pick<ParsedBody, 'events' | 'faults'>;

function parseEvent({ sentAt: _, ...json }: Record<string, unknown>, type: string, body: Buffer): Events {
  const event = ownEvent({ ...json, type });
  const fault = faultOf(event, body.length);
  return { events: [event], faults: fault === undefined ? [] : [{ ...fault, index: 0 }] };
}

function parseBatch({ batch, context, integrations }: Record<string, unknown>, body: Buffer): Events {
  if (!Array.isArray(batch))
    return { events: [], faults: [ofBatch('no_batch', 'the request body has no batch array')] };
  const faults: Fault[] = [];
  if (batch.length === 0) faults.push(ofBatch('empty_batch', 'the batch is empty'));
  if (batch.length > MAX_BATCH_EVENTS) {
    const message = `the batch has ${batch.length} events, over the limit of ${MAX_BATCH_EVENTS}`;
    faults.push(ofBatch('too_many_events', message));
  }
  // An event over its limit needs a body over that limit, so most bodies are never scanned.
  const spans = body.length > MAX_EVENT_BYTES ? batchSpans(body) : [];
  const events = batch.map((element: unknown, index) => {
    const { start, end } = spans[index] ?? { start: 0, end: 0 };
    const event = isObject(element) ? withCommon(ownEvent(element), { context, integrations }) : null;
    const fault = faultOf(event, end - start);
    // Limits the list for a body with many small elements that aren't events. Only a few events can be too large.
    const isKept = faults.length < MAX_BATCH_EVENTS || fault?.code === 'event_too_large';
    if (fault !== undefined && isKept) faults.push({ ...fault, index });
    return event;
  });
  return { events, faults };
}

/** Whether the events would be too large with the fields of the batch in each of them. Doesn't merge them. */
function isTooLargeMerged(json: Record<string, unknown>, body: Buffer): boolean {
  const events = Array.isArray(json['batch']) ? json['batch'].length : 0;
  // The fields of the batch are smaller than the body, so most bodies are never scanned.
  if (events * body.length <= MAX_MERGED_BYTES) return false;
  const all = { start: 0, end: body.length };
  const common = ['context', 'integrations']
    .filter((name) => isObject(json[name]))
    .map((name) => memberOf(body, all, name) ?? all)
    .reduce((sum, { start, end }) => sum + end - start, 0);
  return body.length + events * common > MAX_MERGED_BYTES;
}

/** Returns the position of each event in the body of a batch. */
function batchSpans(body: Buffer): Span[] {
  const batch = memberOf(body, { start: 0, end: body.length }, 'batch');
  return batch === undefined ? [] : elementsOf(body, batch);
}

function ownEvent({ writeKey: _, ...event }: Record<string, unknown>): ReceivedEvent {
  return event as ReceivedEvent;
}

function withCommon(event: ReceivedEvent, common: Record<string, unknown>): ReceivedEvent {
  let merged = event;
  for (const [name, value] of Object.entries(common)) {
    const own = event[name] ?? {};
    if (isObject(value) && isObject(own)) merged = { ...merged, [name]: { ...value, ...own } };
  }
  return merged;
}

function refused(refusal: Refusal): ParsedBody {
  return { events: [], faults: [], sentAt: null, writeKey: null, refusal };
}

function invalidJson(message: string): Refusal {
  return { status: 400, code: 'invalid_json', message };
}

function ofBatch(code: FaultCode, message: string): Fault {
  return { code, index: null, message };
}
