// The details of a request for the live page: headers, body and reply, without secrets.
import { isUtf8 } from 'node:buffer';
import type { Entry } from '../api/entry.js';
import { cutKeys, cutQuery, type MaskedHeader, maskHeaders } from './secrets.js';

/** A body: its text, split where write keys were removed, or why there is no text. */
export type LiveBody = { type: 'text'; pieces: string[] } | { type: 'binary' | 'none' };

/** All details of a request. */
export interface LiveContent {
  /** What follows the path, split where secrets were removed. */
  query: string[];
  headers: MaskedHeader[];
  body: LiveBody;
  /** `null` before the reply, and if no regular reply was sent. */
  reply: { status: number; headers: MaskedHeader[]; body: string | null } | null;
}

/** Returns the details of an entry. */
export function contentOf({ query, headers, writeKey, body, reply }: Entry): LiveContent {
  return {
    query: cutQuery(query, writeKey),
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
