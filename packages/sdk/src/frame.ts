// Event -> frame: the event as it is at this moment, and the only stringify on the main thread. Next: ledger.ts.
import { types } from 'node:util';
import { isoNow } from './clock.js';
import { type AnyEvent, type EventType, type Id, isoTime } from './event.js';
import { snapshot } from './snapshot.js';
import { version } from './version.js';

/** An event ready to post: JSON text, or the bytes of a snapshot where JSON text cannot hold it. */
export type Frame = string | Uint8Array;

const LIBRARY = { name: '@offthread/sdk', version };
const LIBRARY_FIELD = `"library":${JSON.stringify(LIBRARY)}`;

/**
 * Writes a checked event as it will be sent. `generatedId` is used where the event brings no `messageId`; `library` is
 * another one where the event was sent before.
 *
 * @throws what a getter or a `toJSON` of the caller's throws, and for a cycle.
 */
export function encode(
  type: EventType,
  event: AnyEvent,
  generatedId: string,
  library: unknown = LIBRARY,
): Frame {
  const messageId = event.messageId ?? generatedId;
  const fields = {
    // In here, because it is never empty: what the text below is joined of must not be.
    timestamp: event.timestamp == null ? isoNow() : isoTime(type, event.timestamp),
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
    // not change, so that a merge would be a copy.
    const id = messageId === generatedId ? `"${generatedId}"` : JSON.stringify(messageId);
    const head = `{"type":"${type}","messageId":${id},"context":${contextText(event.context, library)},`;
    return head + JSON.stringify(fields).slice(1);
  } catch {
    // A BigInt. Or a cycle and the like, which throws a second time, to the caller.
    return snapshot({ type, messageId, context: withLibrary(event.context, library), ...fields });
  }
}

function idText(id: Id | null | undefined): string | undefined {
  return typeof id === 'string' ? id : id == null ? undefined : String(id);
}

function contextText(context: object | null | undefined, library: unknown): string {
  if (context == null) return `{${LIBRARY_FIELD}}`;
  if (!('library' in context || 'toJSON' in context)) {
    const text = JSON.stringify(context);
    if (text === '{}') return `{${LIBRARY_FIELD}}`;
    if (text.startsWith('{')) return `{${LIBRARY_FIELD},${text.slice(1)}`;
  }
  // What the joined text would have twice, or not as an object at all.
  return JSON.stringify(withLibrary(context, library));
}

/**
 * A copy of the context, as JSON sees it, with `library` in it.
 *
 * @throws what its `toJSON` throws, and for what is an object here and none as JSON, like a Date.
 */
function withLibrary(context: object | null | undefined, library: unknown): object {
  const { toJSON } = (context ?? {}) as { toJSON?: unknown };
  const seen: unknown = typeof toJSON === 'function' ? toJSON.call(context, 'context') : context;
  if (seen != null && (typeof seen !== 'object' || Array.isArray(seen) || types.isBoxedPrimitive(seen)))
    throw new TypeError('The context is not an object as JSON');
  // JSON asks for `toJSON` once, and not what that has given.
  return { ...seen, toJSON: undefined, library };
}
