// Event -> frame: the event as it is at this moment, and the only stringify on the main thread. Next: ledger.ts.
import { types } from 'node:util';
import type { Kind, Signature } from '@offthread/worker/protocol';
import { wallTime } from './clock.js';
import { type AnyEvent, type EventType, type Id, isoTime } from './event.js';
import { isRawJSON, snapshot } from './snapshot.js';
import { version } from './version.js';

/** An event ready to post. */
export interface Frame {
  /** What `content` is: JSON text, or the bytes of a snapshot where JSON text cannot hold the event. */
  readonly kind: Kind;
  /** When it was accepted, in milliseconds since 1970. */
  readonly time: number;
  readonly content: string | Uint8Array;
}

const LIBRARY = { name: '@offthread/sdk', version };

/** `context.library` as it is sent. */
export const LIBRARY_TEXT = JSON.stringify(LIBRARY);

/**
 * Takes a checked event as it is at this moment. Where it brings no `messageId` it will have the one of its signature
 * and sequence number; `library` is another one where the event was sent before.
 *
 * @throws what a getter or a `toJSON` of the caller's throws, and for a cycle.
 */
export function encode(
  type: EventType,
  event: AnyEvent,
  { idPrefix }: Signature,
  sequence: number,
  library: unknown = LIBRARY,
): Frame {
  const time = wallTime();
  const context = event.context ?? undefined;
  const fields = {
    // First, because the worker's frame.ts adds `library` to it.
    context,
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
    if (event.messageId == null && event.timestamp == null && library === LIBRARY && !isOdd(context)) {
      const content = JSON.stringify(fields);
      if (context === undefined || content.startsWith('{"context":{')) return { kind: type, time, content };
    }
    return { kind: 'whole', time, content: JSON.stringify(whole()) };
  } catch {
    // A BigInt. Or a cycle and the like, which throws a second time, to the caller.
    return { kind: 'snapshot', time, content: snapshot(whole(), () => '{') };
  }

  /** The event as it is sent. */
  function whole(): object {
    const messageId = event.messageId ?? idPrefix + sequence;
    const timestamp = isoTime(type, event.timestamp ?? time);
    return { type, messageId, timestamp, ...fields, context: withLibrary(context, library) };
  }
}

/** Whether `library` cannot be added to the text of a context. */
function isOdd(context: object | undefined): boolean {
  return context !== undefined && ('library' in context || 'toJSON' in context);
}

function idText(id: Id | null | undefined): string | undefined {
  return typeof id === 'string' ? id : id == null ? undefined : String(id);
}

/**
 * A copy of the context, as JSON sees it, with `library` in it.
 *
 * @throws what its `toJSON` throws, and for what is an object here and none as JSON, like a Date.
 */
function withLibrary(context: object | undefined, library: unknown): object {
  const { toJSON } = (context ?? {}) as { toJSON?: unknown };
  const seen: unknown = typeof toJSON === 'function' ? Reflect.apply(toJSON, context, ['context']) : context;
  if (seen === undefined || seen === null) return { library };
  if (typeof seen !== 'object' || Array.isArray(seen) || types.isBoxedPrimitive(seen) || isRawJSON(seen))
    throw new TypeError('The context is not an object as JSON');
  const copy: Readonly<Record<string, unknown>> = { ...seen, library };
  // JSON asks for `toJSON` once, and not what that has given.
  return typeof copy['toJSON'] === 'function' ? { ...copy, toJSON: undefined } : copy;
}
