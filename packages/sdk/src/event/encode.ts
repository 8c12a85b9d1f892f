// Serializes an event into a frame, with the only `JSON.stringify` on the main thread. Next: pending-events.ts.
import * as types from 'node:util/types';
import { lengthOf, textOf } from '@offthread/worker/frame/frame';
import { serializeSnapshot } from '@offthread/worker/frame/serialize-snapshot';
import { describeOversize, MAX_EVENT_BYTES } from '@offthread/worker/limits';
import type { FrameDefaults, Kind } from '@offthread/worker/protocol';
import { wallTime } from '../runtime/clock.js';
import { version } from '../version.js';
import { isAsGiven } from './as-given.js';
import type { AnyEvent, EventType, Id } from './event.js';
import { pageProperties } from './page-properties.js';
import { isRawJSON, snapshot } from './snapshot.js';
import { isoTime } from './validate.js';

/** A serialized event. */
export interface EncodedEvent {
  /** The format of `content`: JSON text, or the bytes of a snapshot if JSON text cannot hold the event. */
  readonly kind: Kind;
  /** When it was accepted, in milliseconds since 1970. */
  readonly time: number;
  readonly content: string | Uint8Array;
  /** Snapshots only: the minimum size of the event in bytes when it is sent. */
  readonly minBytes?: number;
}

const LIBRARY = { name: '@offthread/sdk', version };

/** `context.library` as JSON. */
export const LIBRARY_TEXT = JSON.stringify(LIBRARY);

/** Where the value of the context is in the text of an event that has one. */
const CONTEXT_AT = '{"context":'.length;
const OPENING_BRACE = 0x7b;

/** The source of sequence numbers and of the prefix of `messageId`. */
export interface Numbering {
  /** Sequence number of the newest event. */
  readonly accepted: number;
  readonly frameDefaults: FrameDefaults;
}

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

/** An event that is written with all its fields, because the worker can't add the rest to its text. */
interface WholeEvent {
  readonly type: EventType;
  readonly messageId: string | undefined;
  readonly event: AnyEvent;
  readonly context: object | undefined;
  readonly fields: object;
  readonly time: number;
  readonly library: unknown;
  readonly numbering: Numbering;
}

/** @param isJson false if JSON.stringify has already failed, which would run the caller's getters once more. */
function encodeWhole(whole: WholeEvent, isJson: boolean): EncodedEvent {
  const { time } = whole;
  try {
    if (isJson) return { kind: 'whole', time, content: numbered(whole, JSON.stringify(asSent(whole))) };
  } catch {
    // See below.
  }
  // The event has a BigInt. If the cause is another one, such as a cycle, snapshot() throws as well.
  return { kind: 'snapshot', time, ...snapshot(asSent(whole), (text) => numbered(whole, text)) };
}

/** The event as it is sent, without the fields that `numbered` adds. */
function asSent({ type, messageId, event, context, fields, time, library }: WholeEvent): object {
  const timestamp = isoTime(type, event.timestamp ?? time);
  const made = isAsGiven(event) ? (context as { library?: unknown } | undefined)?.library : undefined;
  const rest = { timestamp, ...fields, context: withLibrary(context, made ?? library) };
  return messageId === undefined ? rest : { type, messageId, ...rest };
}

/** Adds `type` and a generated `messageId` to the text of an event that has no `messageId`. */
function numbered({ type, messageId, numbering }: WholeEvent, text: string): string {
  if (messageId !== undefined) return text;
  const { accepted, frameDefaults } = numbering;
  return `{"type":"${type}","messageId":"${frameDefaults.idPrefix}${accepted + 1}",${text.slice(1)}`;
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

/** Bytes that the JSON text of an event may certainly have. */
const SAFE_BYTES = MAX_EVENT_BYTES - MAX_ADDED_BYTES;

/** Whether an event is certainly not too large, as nearly all are. They need no byte count. */
export function isSmall({ content }: EncodedEvent): boolean {
  // A UTF-16 code unit takes at most three bytes in UTF-8.
  return typeof content === 'string' && content.length * 3 <= SAFE_BYTES;
}

/** Returns a message if the event is certainly too large. For a snapshot, only the worker may be able to tell. */
export function oversize(
  { kind, time, content, minBytes = 0 }: EncodedEvent,
  { accepted, frameDefaults }: Numbering,
): string | undefined {
  if (typeof content !== 'string') {
    return minBytes > MAX_EVENT_BYTES ? describeOversize(`at least ${minBytes}`) : undefined;
  }
  if (Buffer.byteLength(content) <= SAFE_BYTES) return undefined;
  const memory = Buffer.from(content);
  const frame = { kind, time, memory, start: 0, end: memory.length };
  const bytes = lengthOf(textOf(frame, accepted + 1, frameDefaults));
  return bytes > MAX_EVENT_BYTES ? describeOversize(bytes) : undefined;
}

/** Whether `library` can't simply be inserted into the JSON text of the context. */
function isOdd(context: object | undefined): boolean {
  const { library, toJSON } = (context ?? {}) as { library?: unknown; toJSON?: unknown };
  return library !== undefined || toJSON !== undefined;
}

function idText(id: Id | null | undefined): string | undefined {
  // An empty id counts as absent. It is valid only if the other id is set.
  return typeof id === 'string' ? id || undefined : id == null ? undefined : String(id);
}

/**
 * A copy of the context with `library`. Calls the context's `toJSON`, if it has one.
 *
 * @throws what `toJSON` throws, and if the context does not serialize to an object, like a Date.
 */
function withLibrary(context: object | undefined, library: unknown): object {
  const { toJSON } = (context ?? {}) as { toJSON?: unknown };
  const seen: unknown = typeof toJSON === 'function' ? Reflect.apply(toJSON, context, ['context']) : context;
  if (seen === undefined || seen === null) return { library };
  if (typeof seen !== 'object' || Array.isArray(seen) || types.isBoxedPrimitive(seen) || isRawJSON(seen))
    throw new TypeError('The context does not serialize to a JSON object');
  const copy: Readonly<Record<string, unknown>> = { ...seen, library };
  // JSON.stringify doesn't call `toJSON` on the result of a `toJSON`, so the copy must not have the method.
  return typeof copy['toJSON'] === 'function' ? { ...copy, toJSON: undefined } : copy;
}
