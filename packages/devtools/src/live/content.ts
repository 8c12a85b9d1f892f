// What the live page shows of a request when it is opened: headers, body and reply, without secrets.
import { isUtf8 } from 'node:buffer';
import type { Entry } from '../api/recorder.js';
import { cutKeys, type MaskedHeader, maskHeaders } from './secrets.js';

/** A body: its text, cut where write keys were; or why there is none. */
export type LiveBody = { type: 'text'; pieces: string[] } | { type: 'binary' | 'none' };

/** A request in full. */
export interface LiveContent {
  headers: MaskedHeader[];
  body: LiveBody;
  /** `null` before there is one, and when no regular one was sent. */
  reply: { status: number; headers: MaskedHeader[]; body: string | null } | null;
}

/** What the page shows of an entry. */
export function contentOf({ headers, writeKey, body, reply }: Entry): LiveContent {
  return {
    headers: maskHeaders(headers, writeKey),
    body: bodyOf(body, writeKey),
    reply: reply === null ? null : { ...reply, headers: maskHeaders(reply.headers, writeKey) },
  };
}

function bodyOf(body: Buffer | null, writeKey: string | null): LiveBody {
  if (body === null) return { type: 'none' };
  return isUtf8(body)
    ? { type: 'text', pieces: cutKeys(body.toString('utf8'), writeKey) }
    : { type: 'binary' };
}
