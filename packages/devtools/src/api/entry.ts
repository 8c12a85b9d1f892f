// A request as the recorder stores it.
import { type EventRoute, parseBody, type ReceivedEvent } from '@offthread/tracking-api';
import type { RequestRecord } from './request-record.js';

/**
 * A record as it is stored. The body stays in a buffer, outside the JS heap, and is parsed again when the record is
 * read.
 */
export interface Entry extends Omit<RequestRecord, 'events'> {
  /** What follows the path: empty, or `?` and more. */
  query: string;
  /** The JSON text of the body. */
  body: Buffer | null;
  /** `null` for a request that can't contain events. */
  route: EventRoute | null;
  /** Kept for the live page. `null` if there is no page, or if no regular reply was sent. */
  reply: SentReply | null;
}

/** A reply as it was sent. */
export interface SentReply {
  status: number;
  headers: Record<string, number | string | string[] | undefined>;
  /** `null` if it was a stream. */
  body: string | null;
}

/** What is known about a request when its behaviour has been chosen. */
export type NewEntry = Omit<Entry, 'sequence' | 'durationMs' | 'state' | 'messageIds' | 'reply'> & {
  events: ReceivedEvent[];
};

/** The record of an entry, with its events parsed. */
export function recordOf({ body, route, reply: _, query: __, ...entry }: Entry): RequestRecord {
  const events = body === null || route === null ? [] : parseBody(body, route).events;
  return { ...entry, events: events.filter((event) => event !== null) };
}
