// Why a request is refused, and the reply that reports it.
import { MAX_REQUEST_BYTES } from './limits.js';

/** Codes of refusals, for programs. They are in the field `code` of the reply. */
export type RefusalCode =
  | 'unauthorized'
  | 'payload_too_large'
  | 'invalid_encoding'
  | 'invalid_json'
  | 'invalid_event'
  | 'not_found'
  | 'unavailable';

/** Why a request is refused. */
export interface Refusal {
  status: number;
  code: RefusalCode;
  message: string;
  /** The position of the refused event; absent if the refusal isn't about a single event. */
  index?: number;
  /** Seconds to wait, for the `Retry-After` header. */
  retryAfter?: number;
}

/** A reply, ready to send. */
export interface Reply {
  status: number;
  headers: Record<string, string>;
  body: string;
}

/** Returns the reply to a request: `{ success: true }`, or the refusal. */
export function replyTo(refusal: Refusal | null): Reply {
  const headers: Record<string, string> = { 'content-type': 'application/json; charset=utf-8' };
  if (refusal === null) return { status: 200, headers, body: '{"success":true}' };
  const { status, code, message, retryAfter } = refusal;
  if (retryAfter !== undefined) headers['retry-after'] = String(retryAfter);
  // analytics-python reads `code` and `message`, analytics-ruby `error`.
  return { status, headers, body: JSON.stringify({ success: false, code, message, error: message }) };
}

/** A temporary refusal: the client keeps its events and sends them again. */
export function unavailable(message: string, retryAfter: number): Refusal {
  return { status: 503, code: 'unavailable', message, retryAfter };
}

/** A refusal of a path that accepts no events. */
export function notFound(path: string): Refusal {
  return { status: 404, code: 'not_found', message: `${path} is not a path of the Tracking API` };
}

/** A refusal of a body over the limit. `bytes` is its length, if known. */
export function tooLarge(bytes?: number): Refusal {
  const size = bytes === undefined ? '' : `${bytes} bytes, `;
  const message = `the request body is ${size}over the limit of ${MAX_REQUEST_BYTES} bytes`;
  return { status: 400, code: 'payload_too_large', message };
}
