// Serializes an event into a frame, with the only `JSON.stringify` of nearly all events on the main thread. Next:
// whole-event.ts for the others, pending-events.ts.
import { lengthOf, textOf } from '@offthread/worker/frame/frame';
import { serializeSnapshot } from '@offthread/worker/frame/serialize-snapshot';
import { describeOversize, MAX_EVENT_BYTES } from '@offthread/worker/limits';
import { wallTime } from '../runtime/clock.js';
import { version } from '../version.js';
import type { EncodedEvent, Numbering } from './encoded-event.js';
import type { AnyEvent, EventType, Id } from './event.js';
import { pageProperties } from './page-properties.js';
import { encodeWhole } from './whole-event.js';

const LIBRARY = { name: '@offthread/sdk', version };

/** `context.library` as JSON. */
export const LIBRARY_TEXT = JSON.stringify(LIBRARY);

/** Where the value of the context is in the text of an event that has one. */
const CONTEXT_AT = '{"context":'.length;
const OPENING_BRACE = 0x7b;

/**
 * Serializes a validated event. This runs getters and `toJSON` methods of the caller, which may track other events with
 * the same client. So the sequence number, which the generated `messageId` ends with, is taken after them, and the
 * event must be appended before any other event. `again` is set for an event that is sent again: it has the event's
 * original `library`, and nothing is added to the event.
 *
 * @throws what a getter or a `toJSON` of the event throws, and if the event has a cycle or too many levels.
 */
export function encode(
  type: EventType,
  event: AnyEvent,
  numbering: Numbering,
  again?: { readonly library: unknown },
): EncodedEvent {
  const library = again?.library ?? LIBRARY;
  const time = wallTime();
  const context = event.context ?? undefined;
  const messageId = idText(event.messageId);
  const fields = sentFields(type, event, context, again === undefined);
  let isJson = true;
  if (messageId === undefined && event.timestamp == null && library === LIBRARY && !isOdd(context)) {
    try {
      const content = JSON.stringify(fields);
      if (context === undefined || content.charCodeAt(CONTEXT_AT) === OPENING_BRACE)
        return { kind: type, time, content };
    } catch {
      isJson = false;
    }
  }
  // A function of its own, because closures here would cost each event.
  return encodeWhole({ type, messageId, event, context, fields, time, library, numbering }, isJson);
}

/**
 * The fields of an event of this type. `context` comes first, because the worker's frame.ts inserts `library` there. A
 * literal for each type, because each absent field would cost JSON.stringify 10 to 30 ns.
 */
function sentFields(type: EventType, event: AnyEvent, context: object | undefined, isNew: boolean): object {
  const userId = idText(event.userId);
  const anonymousId = idText(event.anonymousId);
  const integrations = event.integrations ?? undefined;
  switch (type) {
    case 'track': {
      const properties = event.properties ?? undefined;
      return { context, userId, anonymousId, event: event.event ?? undefined, properties, integrations };
    }
    case 'page':
    case 'screen': {
      const name = event.name ?? undefined;
      const category = event.category ?? undefined;
      const properties = type === 'page' && isNew ? pageProperties(event) : (event.properties ?? undefined);
      return { context, userId, anonymousId, name, category, properties, integrations };
    }
    case 'identify':
      return { context, userId, anonymousId, traits: event.traits ?? undefined, integrations };
    case 'group': {
      const traits = event.traits ?? undefined;
      return { context, userId, anonymousId, groupId: idText(event.groupId), traits, integrations };
    }
    case 'alias':
      return { context, userId, anonymousId, previousId: idText(event.previousId), integrations };
    default:
      return type satisfies never;
  }
}

/** The same event as JSON text, if it is a snapshot, which otherwise the worker would serialize. */
export function asText(event: EncodedEvent): EncodedEvent {
  const { time, content } = event;
  return typeof content === 'string'
    ? event
    : { kind: 'whole', time, content: serializeSnapshot(content).toString() };
}

/** More bytes than the worker adds to an event: its type, `messageId`, timestamp and library. */
const MAX_ADDED_BYTES = 1_000;

/** Returns a message if the event is certainly too large. For a snapshot, only the worker may be able to tell. */
export function oversize(
  { kind, time, content, minBytes = 0 }: EncodedEvent,
  { accepted, frameDefaults }: Numbering,
): string | undefined {
  if (typeof content !== 'string') {
    return minBytes > MAX_EVENT_BYTES ? describeOversize(`at least ${minBytes}`) : undefined;
  }
  // A UTF-16 code unit takes at most three bytes in UTF-8, so nearly all events need no byte count, and nearly all
  // others need nothing else.
  const room = MAX_EVENT_BYTES - MAX_ADDED_BYTES;
  if (content.length * 3 <= room || Buffer.byteLength(content) <= room) return undefined;
  const memory = Buffer.from(content);
  const frame = { kind, time, memory, start: 0, end: memory.length };
  const bytes = lengthOf(textOf(frame, accepted + 1, frameDefaults));
  return bytes > MAX_EVENT_BYTES ? describeOversize(bytes) : undefined;
}

/** Whether `library` can't simply be inserted into the JSON text of the context. Runs no getter: `in`. */
function isOdd(context: object | undefined): boolean {
  return context !== undefined && ('library' in context || 'toJSON' in context);
}

function idText(id: Id | null | undefined): string | undefined {
  // An empty id counts as absent. It is valid only if the other id is set.
  return typeof id === 'string' ? id || undefined : id == null ? undefined : String(id);
}
