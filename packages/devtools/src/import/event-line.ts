// In: one line. Out: the event in it, or why there is none. Next: importer.ts sends it.
import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import type { EventType } from '@offthread/sdk';
import { EVENT_TYPES, isObject } from '../event-rules.js';
import { exactly } from '../exact-json.js';

/** What was in a line. */
export type Reading =
  | { readonly type: 'event'; readonly event: EventType; readonly fields: Record<string, unknown> }
  | { readonly type: 'blank' }
  | { readonly type: 'unreadable'; readonly reason: string };

/**
 * Fields that the API or another SDK adds to what it stores, so that an archive of events has them. They are left
 * out: they tell of the first delivery, and the API writes them anew.
 * Source: https://segment.com/docs/connections/storage/warehouses/schema/ and the raw files of its storage destinations
 */
const FIELDS_OF_THE_API = [
  'receivedAt',
  'sentAt',
  'originalTimestamp',
  'projectId',
  'writeKey',
  'channel',
  'version',
  '_metadata',
];

/** Reads a line. The SDK checks the fields; here it is only seen to that there are some. */
export function readLine(bytes: Buffer): Reading {
  if (!isUtf8(bytes)) return unreadable('not valid UTF-8');
  // Some editors begin a file with a byte order mark.
  const text = bytes
    .toString('utf8')
    .replace(/^\uFEFF/, '')
    .trim();
  if (text === '') return { type: 'blank' };
  let value: unknown;
  try {
    value = JSON.parse(exactly(text));
  } catch (error) {
    return unreadable(
      `not valid JSON: ${error instanceof Error ? error.message : String(error)}${hintFor(text)}`,
    );
  }
  if (!isObject(value)) return unreadable(`expected a JSON object with a 'type'${hintFor(text)}`);
  const { type: given, ...fields } = value;
  const event = EVENT_TYPES.find((type) => type === given);
  if (event === undefined) {
    const got = given === undefined ? 'none' : JSON.stringify(given).slice(0, 40);
    return unreadable(`expected as 'type' one of ${EVENT_TYPES.join(', ')}; got ${got}`);
  }
  for (const name of FIELDS_OF_THE_API) delete fields[name];
  fields['messageId'] ??= idOf(value);
  return { type: 'event', event, fields };
}

/**
 * An id made of the content and nothing else: the same line gives the same id in any file and any run, and the API
 * takes it once. White space between the fields makes no difference.
 */
function idOf(event: object): string {
  return `import-${createHash('sha256').update(JSON.stringify(event)).digest('base64url')}`;
}

function hintFor(text: string): string {
  return text.startsWith('[') ? `; a JSON array becomes one event a line by: jq -c '.[]'` : '';
}

function unreadable(reason: string): Reading {
  return { type: 'unreadable', reason };
}
