// Turns a request that has been read into its events, or a refusal. All front ends share it.
import type { IncomingHttpHeaders } from 'node:http';
import { decodeBody } from './body.js';
import type { Fault } from './fault.js';
import { type ParsedBody, parseBody } from './parse-body.js';
import type { Refusal } from './refusal.js';
import type { EventRoute } from './route.js';
import { authorize, type KnownWriteKeys, writeKeyOf } from './write-key.js';

/** A request to a path that accepts events. */
export interface TrackingRequest {
  route: EventRoute;
  headers: Pick<IncomingHttpHeaders, 'authorization' | 'content-encoding'>;
  /** The body as it was received; `null` if it was too large to keep. */
  body: Buffer | null;
}

/** Options of `receive`. */
export interface ReceiveOptions {
  /** The write keys that are accepted. Default: all. */
  writeKeys?: KnownWriteKeys | undefined;
  /**
   * Refuse a request for any fault of its events. Default: false, like the API, which refuses only what is too large or
   * isn't JSON, and answers 200 to everything else.
   */
  strict?: boolean | undefined;
  /** Most bytes of a decompressed body. Default: the limit of a request. */
  keep?: number | undefined;
}

/** The content of a request. */
export interface Receipt extends ParsedBody {
  route: EventRoute;
  /** The JSON text of the body, for `eventTexts`; `null` if it couldn't be decoded. */
  body: Buffer | null;
}

/** Reads a request like the Tracking API. Never rejects. */
export async function receive(
  { route, headers, body }: TrackingRequest,
  { writeKeys, strict = false, keep }: ReceiveOptions = {},
): Promise<Receipt> {
  const decoded = await decodeBody(body, headers['content-encoding'], keep);
  const parsed = 'bytes' in decoded ? parseBody(decoded.bytes, route) : unread(decoded.refusal);
  const inHeader = writeKeyOf(headers.authorization);
  const writeKey = inHeader ?? parsed.writeKey;
  // A body that can't be read might contain the key, if the header doesn't.
  const isKeyUnknown = inHeader === null && parsed.refusal !== null;
  const refusal =
    (isKeyUnknown ? null : authorize(writeKey, writeKeys)) ??
    parsed.refusal ??
    refusalFor(parsed.faults, route, strict);
  return { ...parsed, writeKey, refusal, route, body: 'bytes' in decoded ? decoded.bytes : null };
}

/** Describes a fault in a sentence. */
export function describe({ index, message }: Fault, route: EventRoute): string {
  if (index === null) return message;
  return route.type === 'batch' ? `batch[${index}] ${message}` : `the event ${message}`;
}

function refusalFor(faults: readonly Fault[], route: EventRoute, strict: boolean): Refusal | null {
  const fault = faults.find(({ code }) => strict || code === 'event_too_large');
  if (fault === undefined) return null;
  const code = fault.code === 'event_too_large' ? 'payload_too_large' : 'invalid_event';
  const refusal: Refusal = { status: 400, code, message: describe(fault, route) };
  return fault.index === null ? refusal : { ...refusal, index: fault.index };
}

function unread(refusal: Refusal): ParsedBody {
  return { events: [], faults: [], sentAt: null, writeKey: null, refusal };
}
