// Body -> response: one attempt over the network, and the only place that opens a socket. Next: retry.ts.
import type { IncomingMessage } from 'node:http';
import http from 'node:http';
import https from 'node:https';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import got, { type Got, type Request } from 'got';
import { MAX_REPLY_BYTES } from './limits.js';
import type { DeliverySettings } from './protocol.js';

const compress = promisify(gzip);

/** Characters of a reply that are kept for the message of an error. */
const KEPT_TEXT_LENGTH = 200;

/** How one attempt ended. */
export type Response =
  /** A status line came; what became of the rest of the reply changes nothing. */
  | {
      readonly type: 'reply';
      readonly status: number;
      /** The beginning of the reply, for people. */
      readonly text: string;
      readonly retryAfter?: string;
      readonly date?: string;
      readonly location?: string;
    }
  /** No status line: the network, a timeout or a reply that is not HTTP. Worth another try. */
  | { readonly type: 'fault'; readonly message: string }
  /** The server could not prove who it is. Not worth another try. */
  | { readonly type: 'refused'; readonly message: string };

/** Sends a body; `retry` is 0 for the first attempt. Never rejects. */
export type Send = (body: Buffer, retry: number, signal: AbortSignal) => Promise<Response>;

// One pool of connections for all clients of the worker. A connection is kept until the server closes it.
const agents = { http: new http.Agent({ keepAlive: true }), https: new https.Agent({ keepAlive: true }) };

// Everything got would do beside sending a request is off: retries and their pace are retry.ts's, a redirect would
// repeat the body (and on one host the Authorization header) to an address nobody configured, and a reply is not
// worth unpacking.
const client: Got = got.extend({
  agent: agents,
  method: 'POST',
  retry: { limit: 0 },
  throwHttpErrors: false,
  followRedirect: false,
  decompress: false,
  https: { rejectUnauthorized: true },
});

/** A `Send` for one client. */
export function createSend(settings: DeliverySettings): Send {
  if (settings.stub) return async () => ({ type: 'reply', status: 200, text: '' });
  const secret = Buffer.from(`${settings.writeKey}:`).toString('base64');
  const redact = (text: string): string =>
    text.replaceAll(secret, '[write key]').replaceAll(settings.writeKey, '[write key]');
  const headers = {
    authorization: `Basic ${secret}`,
    'content-type': 'application/json',
    'user-agent': settings.userAgent,
    ...(settings.gzip ? { 'content-encoding': 'gzip' } : undefined),
  };
  return async (body, retry, signal) => {
    const request = client.stream(settings.url, {
      body: settings.gzip ? await compress(body) : body,
      headers: retry === 0 ? headers : { ...headers, 'x-retry-count': String(retry) },
      timeout: { request: settings.requestTimeout },
    });
    return respond(request, signal, redact);
  };
}

function respond(request: Request, signal: AbortSignal, redact: (text: string) => string): Promise<Response> {
  return new Promise((resolve) => {
    let reply: IncomingMessage | undefined;
    let kept = '';
    let length = 0;
    const abort = (): void => {
      request.destroy();
    };
    const finish = (response: Response): void => {
      signal.removeEventListener('abort', abort);
      resolve(response);
    };
    const finishReply = ({ statusCode = 0, headers }: IncomingMessage): void => {
      const readable = headers['content-encoding'] === undefined ? kept : '';
      finish({
        type: 'reply',
        status: statusCode,
        text: redact(readable.replace(/\s+/g, ' ').trim().slice(0, KEPT_TEXT_LENGTH)),
        ...(headers['retry-after'] !== undefined && { retryAfter: headers['retry-after'] }),
        ...(headers.date !== undefined && { date: headers.date }),
        ...(headers.location !== undefined && { location: redact(headers.location) }),
      });
    };

    signal.addEventListener('abort', abort, { once: true });
    request.on('response', (incoming: IncomingMessage) => {
      reply = incoming;
    });
    request.on('data', (chunk: Buffer) => {
      if (length < KEPT_TEXT_LENGTH) kept += chunk.toString('utf8');
      length += chunk.length;
      if (length > MAX_REPLY_BYTES) request.destroy();
    });
    request.on('error', (error: Error & { code?: string }) => {
      if (reply !== undefined) return finishReply(reply);
      const message = redact(error.message);
      finish(isUntrusted(error.code) ? { type: 'refused', message } : { type: 'fault', message });
    });
    // 'end' where the reply is whole, 'close' where we destroyed it.
    const ended = (): void => {
      if (reply !== undefined) finishReply(reply);
      else finish({ type: 'fault', message: 'The request was aborted' });
    };
    request.on('end', ended);
    request.on('close', ended);
  });
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
