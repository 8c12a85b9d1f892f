// Adds to an event what would be lost while it waits: its messageId, its time, and the address of a browser. Pure.
import { isObject, type ReceivedEvent, readMembers, writeMembers } from '@offthread/tracking-api';

/** What is known about the request of an event. */
export interface Arrival {
  /** When the request arrived, in milliseconds since 1970. */
  readonly time: number;
  /** The `sentAt` of the request. */
  readonly sentAt: string | null;
  /** The address of the browser; undefined if a server sent the request. */
  readonly ip: string | undefined;
}

/** A time that names its zone. Without one, the sender's zone would have to be guessed. */
const INSTANT = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d+)?)?([Zz]|[+-]\d\d:?\d\d)$/;

/**
 * Returns the text of an event with these stamps. All that isn't stamped stays as it was sent, digit by digit.
 *
 * @param newId creates a messageId.
 */
export function stamp(
  text: string,
  event: ReceivedEvent | null,
  arrival: Arrival,
  newId: () => string,
): string {
  if (event === null) return text; // Not an object. The API ignores it.
  const changes = new Map<string, string>();
  if (isMissing(event.messageId)) changes.set('messageId', JSON.stringify(newId()));
  const timestamp = correctedTime(event, arrival);
  if (timestamp !== undefined) changes.set('timestamp', JSON.stringify(timestamp));
  const { context } = event;
  const takesAddress = isMissing(context) || (isObject(context) && isMissing(context['ip']));
  if (changes.size === 0 && (arrival.ip === undefined || !takesAddress)) return text;
  const members = readMembers(text);
  for (const [name, value] of changes) members.set(name, value);
  // The API would correct the time by this once more.
  if (timestamp !== undefined) members.delete('sentAt');
  if (arrival.ip !== undefined && takesAddress) {
    const inner = readMembers(members.get('context') ?? '');
    members.set('context', writeMembers(inner.set('ip', JSON.stringify(arrival.ip))));
  }
  return writeMembers(members);
}

/**
 * Returns the time of an event by the relay's clock, as the API computes it: `received - (sentAt - timestamp)`. Returns
 * undefined if the event's own text is to be kept: its time can't be read, or the sender's clock isn't known.
 *
 * Source: https://segment.com/docs/connections/spec/common/#timestamps
 */
function correctedTime(event: ReceivedEvent, { time, sentAt }: Arrival): string | undefined {
  const { timestamp } = event;
  if (isMissing(timestamp)) return isoTime(time);
  const original = instant(timestamp);
  // A client that sends single events puts sentAt into each of them.
  const sent = instant(sentAt) ?? instant(event['sentAt']);
  if (original === undefined || sent === undefined || sent === time) return undefined;
  return isoTime(original + time - sent);
}

function instant(text: unknown): number | undefined {
  if (typeof text !== 'string' || !INSTANT.test(text)) return undefined;
  const value = Date.parse(text);
  return Number.isNaN(value) ? undefined : value;
}

/** Returns undefined for a time that a date can't hold. */
function isoTime(time: number): string | undefined {
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString();
}

function isMissing(value: unknown): boolean {
  return value === undefined || value === null || value === '';
}
