// In: one line. Out: the event in it, or why there is none. Next: importer.ts sends it.
import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import type { EventType } from '@offthread/sdk';
import { EVENT_TYPES, isObject } from '../event-rules.js';
import { fieldsOf } from './archived-event.js';
import type { Format } from './format.js';
import { type Line, TOO_LONG } from './lines.js';
import { fromWarehouse } from './warehouse-row.js';

/** What was in a line. */
export type Reading =
  | {
      readonly type: 'event';
      readonly event: EventType;
      readonly fields: Record<string, unknown>;
      /** Of the messageId, if it is made of the content. */
      readonly digest: Buffer | undefined;
    }
  | { readonly type: 'blank' }
  | { readonly type: 'unreadable'; readonly code: string; readonly reason: string };

/**
 * Reads a line. The SDK checks the fields; here it is only seen to that there are some. Never throws: one line does not
 * stop the others.
 *
 * @param usual the type of lines that name none.
 */
export function readLine(line: Line, format: Format, usual: EventType | undefined): Reading {
  const { bytes, fault } = line;
  if (fault !== undefined) return unreadable(fault, fault === TOO_LONG ? 'line_too_long' : undefined);
  if (bytes.every(isBlank)) return { type: 'blank' };
  if (!isUtf8(bytes)) return unreadable('not valid UTF-8');
  try {
    return read(format.valueOf(line), usual);
  } catch (error) {
    // JSON.parse takes more levels than anything that walks through them.
    if (error instanceof RangeError)
      return unreadable('too deep: it has too many levels of objects and arrays');
    return unreadable(error instanceof Error ? error.message : String(error));
  }
}

function read(value: unknown, usual: EventType | undefined): Reading {
  if (!isObject(value)) return unreadable("expected a JSON object with a 'type'");
  const { type: given = value['TYPE'] } = value;
  const event = given == null || given === '' ? usual : EVENT_TYPES.find((type) => type === given);
  if (event === undefined) {
    const got = given == null ? 'none; --type gives one to all of them' : JSON.stringify(given).slice(0, 40);
    return unreadable(`expected as 'type' one of ${EVENT_TYPES.join(', ')}; got ${got}`);
  }
  const fields = fieldsOf(event, fromWarehouse(value, event));
  if (fields['messageId'] != null) return { type: 'event', event, fields, digest: undefined };
  // Of the content and nothing else: the same line gives the same id in any file and any run, and the API takes it once.
  // White space between the fields makes no difference.
  const digest = createHash('sha256').update(JSON.stringify(value)).digest();
  fields['messageId'] = `import-${digest.toString('base64url')}`;
  return { type: 'event', event, fields, digest };
}

function isBlank(byte: number): boolean {
  return byte === 0x20 || (byte >= 0x09 && byte <= 0x0d);
}

function unreadable(reason: string, code = 'unreadable'): Reading {
  return { type: 'unreadable', code, reason };
}
