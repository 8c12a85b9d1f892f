// Event -> frame: the event as it is at this moment, and the only stringify on the main thread. Next: ledger.ts.
import { isoNow } from './clock.js';
import { type AnyEvent, type EventType, type Id, isoTime } from './event.js';
import { snapshot } from './snapshot.js';
import { version } from './version.js';

/** An event ready to post: JSON text, or the bytes of a snapshot where JSON text cannot hold it. */
export type Frame = string | Uint8Array;

const LIBRARY = { name: '@offthread/sdk', version };
const LIBRARY_FIELD = `"library":${JSON.stringify(LIBRARY)}`;

/**
 * Writes a checked event as it will be sent. `generatedId` is used where the event brings no `messageId`.
 *
 * @throws what a getter or a `toJSON` of the caller's throws, and for a cycle.
 */
export function encode(type: EventType, event: AnyEvent, generatedId: string): Frame {
  const messageId = event.messageId ?? generatedId;
  const timestamp = event.timestamp == null ? isoNow() : isoTime(type, event.timestamp);
  const fields = {
    userId: idText(event.userId),
    anonymousId: idText(event.anonymousId),
    previousId: idText(event.previousId),
    groupId: idText(event.groupId),
    event: event.event ?? undefined,
    name: event.name ?? undefined,
    category: event.category ?? undefined,
    traits: event.traits ?? undefined,
    properties: event.properties ?? undefined,
    integrations: event.integrations ?? undefined,
  };
  try {
    // Joining texts costs a third of what one stringify of a merged object would: `context` is the caller's and must
    // not change, so that a merge would be a copy. There is an id in any event, so `fields` is never empty.
    const id = messageId === generatedId ? `"${generatedId}"` : JSON.stringify(messageId);
    const head = `{"type":"${type}","messageId":${id},"timestamp":"${timestamp}","context":`;
    return `${head}${contextText(event.context)},${JSON.stringify(fields).slice(1)}`;
  } catch {
    // A BigInt. Or a cycle and the like, which throws a second time, to the caller.
    return snapshot({
      type,
      messageId,
      timestamp,
      context: { ...event.context, library: LIBRARY },
      ...fields,
    });
  }
}

function idText(id: Id | null | undefined): string | undefined {
  return typeof id === 'string' ? id : id == null ? undefined : String(id);
}

function contextText(context: object | null | undefined): string {
  if (context == null) return `{${LIBRARY_FIELD}}`;
  // What the joined text would have twice, or not as an object at all.
  if ('library' in context || 'toJSON' in context) return JSON.stringify({ ...context, library: LIBRARY });
  const text = JSON.stringify(context);
  return text === '{}' ? `{${LIBRARY_FIELD}}` : `{${LIBRARY_FIELD},${text.slice(1)}`;
}
