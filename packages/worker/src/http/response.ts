// How an attempt over the network ended, and what of a reply is read. Used by exchange.ts, which makes it, and by all who judge it.
import type { IncomingMessage } from 'node:http';

/** Characters of a reply that go into the message of an error. */
export const SHOWN_LENGTH = 200;

/** How one attempt ended. */
export type Response =
  /** A status line came; what became of the rest of the reply changes nothing. */
  | {
      readonly type: 'reply';
      /** Who answered; the API where it is not said. */
      readonly from?: 'token server';
      readonly status: number;
      /** The beginning of the reply, for people. */
      readonly text: string;
      readonly retryAfter?: string;
      readonly rateLimitReset?: string;
      readonly date?: string;
      readonly location?: string;
      /** The access token was refused, and it was not a new one: another may do. */
      readonly stale?: boolean;
      /** The access token was refused, and it was a new one. */
      readonly unauthorized?: boolean;
      /** The network has all of what was sent: nobody reads its memory any more. */
      readonly sent?: boolean;
    }
  /** No status line: the network, a timeout or a reply that is not HTTP. Worth another try. */
  | {
      readonly type: 'fault';
      readonly message: string;
      /** A connection that had served before broke: the server may have closed it as idle when we wrote to it. */
      readonly reused?: boolean;
      /** Time ran out over the upload, which goes on but slowly: a smaller body may do. */
      readonly slow?: boolean;
    }
  /** The server could not prove who it is, or we cannot prove who we are. Not worth another try. */
  | { readonly type: 'refused'; readonly code: 'tls_refused' | 'token_refused'; readonly message: string };

/** An attempt that got a status line. */
export type Reply = Response & { readonly type: 'reply' };

/** Reads what is wanted of a reply: `maxText` characters of its body, and the headers that say when to come again. */
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
    // Masked before it is cut: what is left of a key at the edge would not be found any more.
    text: mask(text).replace(/\s+/g, ' ').trim().slice(0, maxText),
    ...(headers['retry-after'] !== undefined && { retryAfter: headers['retry-after'] }),
    ...(typeof headers['x-ratelimit-reset'] === 'string' && { rateLimitReset: headers['x-ratelimit-reset'] }),
    ...(headers.date !== undefined && { date: headers.date }),
    ...(headers.location !== undefined && { location: mask(headers.location) }),
  };
}
