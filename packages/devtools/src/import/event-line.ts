// Reads a line of the input. Returns its event, or why it has none.
import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import type { EventType } from '@offthread/sdk';
import { EVENT_TYPES, isObject } from '@offthread/tracking-api/event-rules';
import { fieldsOf } from './archived-event.js';
import type { Format } from './format.js';
import { isTooDeep, MAX_LEVELS } from './levels.js';
import { type Line, TOO_LONG } from './lines.js';
import { fromWarehouse } from './warehouse-row.js';

/** The content of a line. */
export type Reading =
  | {
      readonly type: 'event';
      readonly event: EventType;
      readonly fields: Record<string, unknown>;
      /** Hash of the content, if the messageId was made from it. */
      readonly digest: Buffer | undefined;
    }
  | { readonly type: 'blank' }
  | { readonly type: 'unreadable'; readonly code: string; readonly reason: string };

const TOO_DEEP = `more than ${MAX_LEVELS} levels of objects and arrays`;

/**
 * Reads a line. The SDK checks the fields. Never throws, so that no line stops the import.
 *
 * @param usual the type of events that don't name one.
 */
export function readLine(line: Line, format: Format, usual: EventType | undefined): Reading {
  const { bytes, fault } = line;
  if (fault !== undefined) return unreadable(fault, fault === TOO_LONG ? 'line_too_long' : undefined);
  if (bytes.every(isBlank)) return { type: 'blank' };
  if (!isUtf8(bytes)) return unreadable('not valid UTF-8');
  if (isTooDeep(bytes)) return unreadable(TOO_DEEP);
  try {
    return read(format.valueOf(line), usual);
  } catch (error) {
    // JSON within a CSV cell or a string may be deeper.
    if (error instanceof RangeError) return unreadable(TOO_DEEP);
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
  // Depends on the content alone. The same event has the same id in every file and every run, whatever its white space.
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
