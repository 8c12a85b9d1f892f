// In: an object as an archive of events has it. Out: an event as it was given to an SDK at first. Next: event-line.ts.
import type { EventType } from '@offthread/sdk';
import { exactly } from '../exact-json.js';

type Fields = Readonly<Record<string, unknown>>;

/**
 * Fields that the API or another SDK adds to what it stores. They are left out: they tell of the first delivery, and the
 * API writes them anew.
 * Source: https://segment.com/docs/connections/storage/warehouses/schema/, the raw files of Segment's storage
 * destinations, and https://www.rudderstack.com/docs/event-spec/standard-events/common-fields/
 */
const STAMPS: ReadonlySet<string> = new Set([
  ...[
    'receivedAt',
    'sentAt',
    'originalTimestamp',
    'projectId',
    'writeKey',
    'channel',
    'version',
    '_metadata',
  ],
  ...[
    'rudderId',
    'request_ip',
    'requestIP',
    'sourceId',
    'destinationId',
    'action',
    'loaded_at',
    'uuid_ts',
    'uuid',
  ],
]);

const OBJECTS = ['context', 'integrations', 'properties', 'traits'];

/** Those of the objects that a type has not. */
const MISSING: Readonly<Record<EventType, readonly string[]>> = {
  track: ['traits'],
  page: ['traits'],
  screen: ['traits'],
  identify: ['properties'],
  group: ['properties'],
  alias: ['properties', 'traits'],
};

/** Where to look for the time of an event, in this order. */
const TIMES = ['timestamp', 'originalTimestamp', 'original_timestamp', 'receivedAt'];

/**
 * The fields of an event, as the SDK's method takes them: without stamps and without what is empty. What nobody can have
 * meant stays, so that the SDK refuses it by name.
 */
export function fieldsOf(type: EventType, archived: Fields): Record<string, unknown> {
  const fields: [string, unknown][] = [];
  for (const [name, given] of Object.entries(archived)) {
    if (name === 'type' || STAMPS.has(name) || TIMES.includes(name)) continue;
    const value = OBJECTS.includes(name) ? objectIn(given) : given;
    if (value === null || value === '') continue;
    if (isEmptyObject(value) && (MISSING[type].includes(name) || name === 'context')) continue;
    fields.push([name, value]);
  }
  const time = TIMES.map((name) => archived[name]).find((value) => value != null && value !== '');
  if (time !== undefined) fields.push(['timestamp', timeIn(time)]);
  return Object.fromEntries(fields);
}

/** An object that came as text, as warehouses write it, or as an empty array, as PHP does. */
function objectIn(value: unknown): unknown {
  if (typeof value === 'string' && /^\s*[[{]/.test(value)) {
    try {
      return objectIn(JSON.parse(exactly(value)));
    } catch {
      return value;
    }
  }
  return Array.isArray(value) && value.length === 0 ? {} : value;
}

function isEmptyObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}

/** ` UTC` of BigQuery, ` -0700` of Snowflake, ` +0000 UTC` of Go. */
const ZONE = /\s+([+-]\d\d:?\d\d|Z|UTC)(?:\s+UTC)?$/i;

/** A time as the SDK takes it. */
function timeIn(time: unknown): unknown {
  if (typeof time !== 'string') return time;
  const text = time.trim();
  // As milliseconds are written into CSV. A year alone is none.
  if (/^-?\d{9,}$/.test(text)) return Number(text);
  return text.replace(ZONE, (_, zone: string) => (zone.toUpperCase() === 'UTC' ? 'Z' : zone));
}
