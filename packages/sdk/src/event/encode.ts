// Event -> frame: the event as it is at this moment, and the only stringify on the main thread. Next: pending-events.ts.
import * as types from 'node:util/types';
import { lengthOf, textOf } from '@offthread/worker/frame/frame';
import { describeOversize, MAX_EVENT_BYTES } from '@offthread/worker/limits';
import type { FrameDefaults, Kind } from '@offthread/worker/protocol';
import { wallTime } from '../runtime/clock.js';
import { version } from '../version.js';
import { isAsGiven } from './as-given.js';
import type { AnyEvent, EventType, Id } from './event.js';
import { pageProperties } from './page-properties.js';
import { isRawJSON, snapshot } from './snapshot.js';
import { isoTime } from './validate.js';

/** An event ready to post. */
export interface EncodedEvent {
  /** What `content` is: JSON text, or the bytes of a snapshot where JSON text cannot hold the event. */
  readonly kind: Kind;
  /** When it was accepted, in milliseconds since 1970. */
  readonly time: number;
  readonly content: string | Uint8Array;
  /** Of a snapshot: bytes that the event has at least when it is sent. */
  readonly minBytes?: number;
}

const LIBRARY = { name: '@offthread/sdk', version };

/** `context.library` as it is sent. */
export const LIBRARY_TEXT = JSON.stringify(LIBRARY);

/** Where an event gets its sequence number. */
export interface Numbering {
  /** Sequence number of the newest event. */
  readonly accepted: number;
  readonly frameDefaults: FrameDefaults;
}

/**
 * Takes a checked event as it is at this moment. Getters and `toJSON` of the caller's run here, and may use the client.
 * So only after them is the event given its number, which its `messageId` ends with if it brings none; it must be
 * appended at once. `again`: it was sent before, by a client of that library, and nothing is added to it.
 *
 * @throws what a getter or a `toJSON` of the caller's throws, for a cycle, and for too many levels.
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
    properties:
      type === 'page' && again === undefined ? pageProperties(event) : (event.properties ?? undefined),
    integrations: event.integrations ?? undefined,
  };
  try {
    if (messageId === undefined && event.timestamp == null && library === LIBRARY && !isOdd(context)) {
      const content = JSON.stringify(fields);
      if (context === undefined || content.startsWith('{"context":{')) return { kind: type, time, content };
    }
    return { kind: 'whole', time, content: numbered(JSON.stringify(whole())) };
  } catch {
    // A BigInt. Or a cycle and the like, which throws a second time, to the caller.
    return { kind: 'snapshot', time, ...snapshot(whole(), numbered) };
  }

  /** The event as it is sent; without what `numbered` adds. */
  function whole(): object {
    const timestamp = isoTime(type, event.timestamp ?? time);
    const made = isAsGiven(event) ? (context as { library?: unknown } | undefined)?.library : undefined;
    const rest = { timestamp, ...fields, context: withLibrary(context, made ?? library) };
    return messageId === undefined ? rest : { type, messageId, ...rest };
  }

  /** Its text with a `messageId`. */
  function numbered(text: string): string {
    if (messageId !== undefined) return text;
    const { accepted, frameDefaults } = numbering;
    return `{"type":"${type}","messageId":"${frameDefaults.idPrefix}${accepted + 1}",${text.slice(1)}`;
  }
}

/** More than the worker adds to an event, in bytes: it has a name, two ids, a time and a version to write. */
const MAX_ADDED_BYTES = 1_000;

/** Says that an event has too many bytes, if that is certain already: for a snapshot the worker may find it out later. */
export function oversize(
  { kind, time, content, minBytes = 0 }: EncodedEvent,
  { accepted, frameDefaults }: Numbering,
): string | undefined {
  if (typeof content !== 'string') {
    return minBytes > MAX_EVENT_BYTES ? describeOversize(`at least ${minBytes}`) : undefined;
  }
  // Nearly all events are seen to fit without counting, because no UTF-16 unit becomes more than three bytes, and of the
  // others nearly all by counting.
  const room = MAX_EVENT_BYTES - MAX_ADDED_BYTES;
  if (content.length * 3 <= room || Buffer.byteLength(content) <= room) return undefined;
  const memory = Buffer.from(content);
  const frame = { kind, time, memory, start: 0, end: memory.length };
  const bytes = lengthOf(textOf(frame, accepted + 1, frameDefaults));
  return bytes > MAX_EVENT_BYTES ? describeOversize(bytes) : undefined;
}

/** Whether `library` cannot be added to the text of a context. */
function isOdd(context: object | undefined): boolean {
  return context !== undefined && ('library' in context || 'toJSON' in context);
}

function idText(id: Id | null | undefined): string | undefined {
  // An empty one, which passes only beside another, counts as absent.
  return typeof id === 'string' ? id || undefined : id == null ? undefined : String(id);
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
