// Turns an event as an archive stores it into the event that the SDK was first given.
import type { EventType } from '@offthread/sdk';
import { exactly } from '../exact-json.js';

type Fields = Readonly<Record<string, unknown>>;

/**
 * Fields that an API or another SDK adds when it stores an event. They describe the first delivery, so they are left
 * out; the API writes its own. Source: https://segment.com/docs/connections/storage/warehouses/schema/, the raw files
 * of Segment's storage destinations, and https://www.rudderstack.com/docs/event-spec/standard-events/common-fields/
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

/** The objects that a type doesn't have. */
const MISSING: Readonly<Record<EventType, readonly string[]>> = {
  track: ['traits'],
  page: ['traits'],
  screen: ['traits'],
  identify: ['properties'],
  group: ['properties'],
  alias: ['properties', 'traits'],
};

/** Fields that may hold the time of an event, in order of preference. */
const TIMES = ['timestamp', 'originalTimestamp', 'original_timestamp', 'receivedAt'];

/**
 * The fields to pass to the SDK: without stamps and without empty values. Unknown fields stay, so that the SDK refuses
 * them by name.
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

/** An object, which warehouses may write as text, and PHP as an array if it is empty. */
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

/** BigQuery ends a time with ` UTC`, Snowflake with ` -0700`, Go with ` +0000 UTC`. */
const ZONE = /\s+([+-]\d\d:?\d\d|Z|UTC)(?:\s+UTC)?$/i;

/** A time in a form that the SDK accepts. */
function timeIn(time: unknown): unknown {
  if (typeof time !== 'string') return time;
  const text = time.trim();
  // CSV holds milliseconds as text. A year alone has fewer digits.
  if (/^-?\d{9,}$/.test(text)) return Number(text);
  return text.replace(ZONE, (_, zone: string) => (zone.toUpperCase() === 'UTC' ? 'Z' : zone));
}
