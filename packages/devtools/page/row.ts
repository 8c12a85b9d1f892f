// The rows of both lists, created from the requests of the stream.
import { type Warning, warningsOf } from '../src/live/event-warnings.js';
import type { LiveRequest } from '../src/live/live-message.js';

/** A request in the list. Its end is added later. */
export interface RequestRow extends Omit<LiveRequest, 'events'> {
  /** The same after a reconnection, and another one after a reset. */
  key: string;
  receivedMs: number;
}

/**
 * An event in the list. Its text is parsed again when it is opened, because 20,000 parsed events would fill the memory.
 */
export interface EventRow {
  key: string;
  type: string;
  name: string;
  /** False if `name` is a substitute, such as the traits of an identify. */
  isNamed: boolean;
  user: string;
  isAnonymous: boolean;
  text: string;
  bytes: number;
  messageId: string | null;
  warnings: Warning[];
  /** What the API finds wrong with it; `null` if nothing. */
  fault: string | null;
  request: RequestRow;
  /** The text in lower case, created on the first search. */
  haystack?: string;
  /** A preview of its fields, created when the row is first shown. */
  preview?: string;
}

/** Events received by messageId, to detect duplicates. */
export type Received = Map<string, EventRow>;

const encoder = new TextEncoder();

/** @param run number of the run of sequence numbers. */
export function requestRow({ events: _, ...request }: LiveRequest, run: number): RequestRow {
  return {
    ...request,
    key: `r${run}-${request.sequence}`,
    receivedMs: Date.parse(request.receivedAt),
  };
}

export function eventRow(text: string, index: number, request: RequestRow, received: Received): EventRow {
  const parsed: unknown = JSON.parse(text);
  const event = (typeof parsed === 'object' && parsed !== null ? parsed : {}) as Record<string, unknown>;
  const type = asText(event['type']);
  const messageId = typeof event['messageId'] === 'string' ? event['messageId'] : null;
  const bytes = encoder.encode(text).length;
  const isDuplicate = messageId !== null && received.has(messageId);
  const row: EventRow = {
    key: `${request.key}-${index}`,
    type: type || '?',
    ...nameOf(type, event),
    user: asText(event['userId'] ?? event['anonymousId']),
    isAnonymous: event['userId'] === undefined || event['userId'] === null,
    text,
    bytes,
    messageId,
    warnings: warningsOf(parsed, { bytes, receivedMs: request.receivedMs, isDuplicate }),
    fault: request.faults.find((fault) => fault.index === index)?.message ?? null,
    request,
  };
  // Events that weren't received are expected to be sent again.
  if (messageId !== null && request.accepted && !isDuplicate) received.set(messageId, row);
  return row;
}

/** The row of the list with the same key. This one may be from before a reconnection. */
export function currentRow<Row extends { key: string }>(row: Row | null, rows: readonly Row[]): Row | null {
  if (row === null || rows.includes(row)) return row;
  return rows.find(({ key }) => key === row.key) ?? row;
}

function nameOf(type: string, event: Record<string, unknown>): Pick<EventRow, 'name' | 'isNamed'> {
  if (type === 'track') return { name: asText(event['event']), isNamed: true };
  if (type === 'page' || type === 'screen') {
    const parts = [asText(event['category']), asText(event['name'])].filter((part) => part !== '');
    return { name: parts.join(' › '), isNamed: true };
  }
  if (type === 'group') return { name: asText(event['groupId']), isNamed: true };
  if (type === 'alias') return { name: `was ${asText(event['previousId'])}`, isNamed: false };
  const traits = event['traits'];
  const names = typeof traits === 'object' && traits !== null ? Object.keys(traits) : [];
  return { name: names.slice(0, 8).join(', '), isNamed: false };
}

/** Fields may have any value. Objects aren't serialized, because a deeply nested one would overflow the stack. */
function asText(value: unknown): string {
  if (value === undefined || value === null) return '';
  if (typeof value === 'object') return Array.isArray(value) ? '[…]' : '{…}';
  return String(value);
}
