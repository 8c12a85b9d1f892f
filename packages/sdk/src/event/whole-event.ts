// Serializes an event with all its fields, because the worker can't add the rest to its text. Used by encode.ts.
import * as types from 'node:util/types';
import { isAsGiven } from './as-given.js';
import type { EncodedEvent, Numbering } from './encoded-event.js';
import type { AnyEvent, EventType } from './event.js';
import { isRawJSON, snapshot } from './snapshot.js';
import { isoTime } from './validate.js';

/** An event that is written with all its fields, because the worker can't add the rest to its text. */
export interface WholeEvent {
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
export function encodeWhole(whole: WholeEvent, isJson: boolean): EncodedEvent {
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
