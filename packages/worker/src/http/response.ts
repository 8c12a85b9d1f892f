// The result of an attempt over the network, and how a reply is read. Made by exchange.ts.
import type { IncomingMessage } from 'node:http';

/** Maximum characters of a reply in an error's message. */
export const SHOWN_LENGTH = 200;

/** How one attempt ended. */
export type Response =
  /** A status line arrived. Faults after it don't matter. */
  | {
      readonly type: 'reply';
      /** Who replied; the API if absent. */
      readonly from?: 'token server';
      readonly status: number;
      /** The beginning of the body, for error messages. */
      readonly text: string;
      readonly retryAfter?: string;
      readonly rateLimitReset?: string;
      readonly date?: string;
      readonly location?: string;
      /** The access token was refused and wasn't new; another one may be accepted. */
      readonly stale?: boolean;
      /** The access token was refused although it was new. */
      readonly unauthorized?: boolean;
      /** The whole request was written to the network; its memory can be reused. */
      readonly sent?: boolean;
    }
  /** No status line: a network error, a timeout, or a reply that isn't HTTP. Retried. */
  | {
      readonly type: 'fault';
      readonly message: string;
      /** The error occurred on a reused connection: the server may have closed it as idle while we wrote to it. */
      readonly reused?: boolean;
      /** The request timed out while the upload was progressing slowly; a smaller body may succeed. */
      readonly slow?: boolean;
    }
  /** The server couldn't prove its identity, or we couldn't prove ours. Not retried. */
  | { readonly type: 'refused'; readonly code: 'tls_refused' | 'token_refused'; readonly message: string };

/** A response with a status line. */
export type Reply = Response & { readonly type: 'reply' };

/** Reads a reply: `maxText` characters of its body, and the headers that say when to retry. */
export function readReply(
  { statusCode = 0, headers }: IncomingMessage,
  body: Buffer,
  mask: (text: string) => string,
  maxText: number,
): Reply {
  const text = headers['content-encoding'] === undefined ? body.toString('utf8') : '';
  return {
    type: 'reply',
    status: statusCode,
    // Masked before it is cut, because a secret that is cut in two wouldn't be found.
    text: mask(text).replace(/\s+/g, ' ').trim().slice(0, maxText),
    ...(headers['retry-after'] !== undefined && { retryAfter: headers['retry-after'] }),
    ...(typeof headers['x-ratelimit-reset'] === 'string' && { rateLimitReset: headers['x-ratelimit-reset'] }),
    ...(headers.date !== undefined && { date: headers.date }),
    ...(headers.location !== undefined && { location: mask(headers.location) }),
  };
}
