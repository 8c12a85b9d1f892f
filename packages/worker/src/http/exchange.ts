// Request -> response: one exchange over the network, and the only place that opens a socket. Used by send-batch.ts and
// access-token.ts. Next: retry.ts.
import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import got, { type Got, type Request } from 'got';
import { MAX_REPLY_BYTES } from '../limits.js';
import type { DeliverySettings } from '../protocol.js';
import { inheritedMaxHeaderSize } from './apply-network-defaults.js';
import { connectionsTo } from './connections.js';
import { createMask } from './mask-secrets.js';
import { isSlow, type Upload, uploadOf } from './upload.js';

/** Characters of a reply that go into the message of an error. */
export const SHOWN_LENGTH = 200;

/** Part of a request's time after which an upload that is still under way is a slow one. */
const EARLY = 1 / 4;

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

const ABORTED: Response = { type: 'fault', message: 'The request was aborted' };

/** What is posted, and how its reply is read. */
interface HttpRequest {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | string;
  /** Is taken out of what a reply says, beside the secrets in the settings. */
  readonly secret: string;
  /** Characters of the reply that are wanted. */
  readonly maxText: number;
}

/** Sends a request to the address that it was made for, once. Never rejects. */
export type Exchange = (request: HttpRequest, signal: AbortSignal) => Promise<Response>;

// Everything got would do beside sending a request is off: retries and their pace are retry.ts's, a redirect would
// repeat the body (and on one host the Authorization header) to an address nobody configured, and a reply is not
// worth unpacking.
const client: Got = got.extend({
  method: 'POST',
  retry: { limit: 0 },
  throwHttpErrors: false,
  followRedirect: false,
  decompress: false,
  https: { rejectUnauthorized: true },
});

/** A `Post` for one client and one address. */
export function createExchange(url: string, settings: DeliverySettings): Exchange {
  const maskSettings = createMask(settings);
  const connections = connectionsTo(url, settings);
  return async ({ headers, body, secret, maxText: wanted }, signal) => {
    // An abort before anybody could listen for it.
    if (signal.aborted) return ABORTED;
    const mask = (text: string): string => maskSettings(text).replaceAll(secret, '[credentials]');
    const read = (reply: IncomingMessage, text: Buffer): Reply => readReply(reply, text, mask, wanted);
    const agent = connections.take();
    const request = client.stream(url, { agent, body, headers, maxHeaderSize: inheritedMaxHeaderSize() });
    // Stays when all is settled: a connection can break later on.
    request.on('error', () => connections.lost(agent));
    return respond(request, settings.requestTimeout, signal, mask, read);
  };
}

function respond(
  request: Request,
  timeout: number,
  signal: AbortSignal,
  mask: (text: string) => string,
  read: (reply: IncomingMessage, body: Buffer) => Reply,
): Promise<Response> {
  return new Promise((resolve) => {
    let exchange: ClientRequest | undefined;
    let reply: IncomingMessage | undefined;
    let slow = false;
    const body: Buffer[] = [];
    let length = 0;
    const abort = (): void => {
      request.destroy();
    };
    // Ours and not got's, whose timer stops with the reply, whatever is still to be uploaded, and is not heard after
    // an upgrade.
    const timer = setTimeout(() => {
      slow = reply === undefined && isSlow(early, uploadOf(exchange?.socket));
      const reason = slow ? ', because the upload is slow' : '';
      request.destroy(new Error(`No answer within ${timeout} ms${reason}`));
    }, timeout);
    let early: Upload | undefined;
    const earlyTimer = setTimeout(() => {
      early = uploadOf(exchange?.socket);
    }, timeout * EARLY);
    /** May be called more than once, of which the first counts. A reply, where there is one, is more than a fault. */
    const settle = (fault: Response): void => {
      clearTimeout(timer);
      clearTimeout(earlyTimer);
      signal.removeEventListener('abort', abort);
      if (reply === undefined) resolve(fault);
      else resolve({ ...read(reply, Buffer.concat(body)), sent: exchange?.writableFinished ?? false });
    };

    signal.addEventListener('abort', abort, { once: true });
    request.on('request', (made: ClientRequest) => {
      exchange = made;
    });
    request.on('response', (incoming: IncomingMessage) => {
      reply = incoming;
    });
    request.on('data', (chunk: Buffer) => {
      body.push(chunk);
      length += chunk.length;
      if (length > MAX_REPLY_BYTES) request.destroy();
    });
    request.on('end', () => {
      settle(ABORTED);
      // Answered before all was read: nothing would end the upload any more, and its connection would stay.
      if (!request.writableFinished) request.destroy();
    });
    // Stays when all is settled: a connection can break later on.
    request.on('error', (error: Error & { code?: string }) => {
      // An AggregateError, where a name has several addresses, has no message of its own.
      const message = mask(error.message || (error.code ?? error.name));
      settle(
        isUntrusted(error.code)
          ? { type: 'refused', code: 'tls_refused', message }
          : { type: 'fault', message, reused: exchange?.reusedSocket === true && isBroken(error.code), slow },
      );
    });
    // Nothing else would follow. The socket is ours from here on: destroying the request does not end it.
    request.on('upgrade', (_reply: IncomingMessage, socket: Socket) => {
      socket.destroy();
      request.destroy(new Error('The server wants to switch protocols'));
    });
    // Where we destroyed it without an error.
    request.on('close', () => settle(ABORTED));
  });
}

function readReply(
  { statusCode = 0, headers }: IncomingMessage,
  body: Buffer,
  mask: (text: string) => string,
  wanted: number,
): Reply {
  const text = headers['content-encoding'] === undefined ? body.toString('utf8') : '';
  return {
    type: 'reply',
    status: statusCode,
    // Redacted before it is cut: what is left of a key at the edge would not be found any more.
    text: mask(text).replace(/\s+/g, ' ').trim().slice(0, wanted),
    ...(headers['retry-after'] !== undefined && { retryAfter: headers['retry-after'] }),
    ...(typeof headers['x-ratelimit-reset'] === 'string' && { rateLimitReset: headers['x-ratelimit-reset'] }),
    ...(headers.date !== undefined && { date: headers.date }),
    ...(headers.location !== undefined && { location: mask(headers.location) }),
  };
}

/** Whether an error says that the other side ended the connection. */
function isBroken(code = ''): boolean {
  return code === 'ECONNRESET' || code === 'EPIPE';
}

/**
 * Whether an error says that the server's certificate is not to be trusted.
 * Source: https://nodejs.org/api/tls.html#x509-certificate-error-codes
 */
function isUntrusted(code = ''): boolean {
  return code === 'ERR_TLS_CERT_ALTNAME_INVALID' || UNTRUSTED.has(code);
}

const UNTRUSTED: ReadonlySet<string> = new Set([
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'CERT_SIGNATURE_FAILURE',
  'CERT_NOT_YET_VALID',
  'CERT_HAS_EXPIRED',
  'CERT_CHAIN_TOO_LONG',
  'CERT_REVOKED',
  'CERT_UNTRUSTED',
  'CERT_REJECTED',
  'INVALID_CA',
  'INVALID_PURPOSE',
  'HOSTNAME_MISMATCH',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
]);
