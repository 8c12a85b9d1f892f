// In: a URL and a body. Out: one POST as plain node:http sends it, and all of the reply.
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { gzipSync } from 'node:zlib';

/** What a reply was. */
export interface RawReply {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
  bytes: Buffer;
}

export interface RawOptions {
  path?: string;
  /** Default `KEY`; `null` sends no authorization header. */
  writeKey?: string | null;
  headers?: Record<string, string>;
  gzip?: boolean;
  /** Certificate to trust. */
  ca?: string;
  /** Bound of the whole exchange, in ms. Default 5,000. */
  timeoutMs?: number;
}

/** Posts a body: an object as JSON, a string or a Buffer as it is. Rejects with the error of the socket. */
export function post(url: string, body: unknown, options: RawOptions = {}): Promise<RawReply> {
  const { path = '/v1/batch', writeKey = 'KEY', headers = {}, gzip = false, ca, timeoutMs = 5_000 } = options;
  const plain = Buffer.isBuffer(body)
    ? body
    : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
  const bytes = gzip ? gzipSync(plain) : plain;
  const request = url.startsWith('https:') ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const sent = request(`${url}${path}`, {
      method: 'POST',
      agent: false,
      signal: AbortSignal.timeout(timeoutMs),
      ...(ca === undefined ? {} : { ca }),
      headers: {
        'content-type': 'application/json',
        'content-length': bytes.length,
        ...(gzip ? { 'content-encoding': 'gzip' } : {}),
        ...(writeKey === null ? {} : { authorization: `Basic ${btoa(`${writeKey}:`)}` }),
        ...headers,
      },
    });
    sent.once('error', reject);
    sent.once('response', (response) => {
      const pieces: Buffer[] = [];
      response.on('data', (piece: Buffer) => pieces.push(piece));
      response.once('error', reject);
      response.once('end', () => {
        const bytes = Buffer.concat(pieces);
        const { statusCode = 0, headers } = response;
        resolve({ status: statusCode, headers, bytes, text: bytes.toString('utf8') });
      });
    });
    sent.end(bytes);
  });
}

let made = 0;

/** A valid track event, with a messageId of its own. */
export function trackEvent(fields: Record<string, unknown> = {}): Record<string, unknown> {
  made += 1;
  return { type: 'track', userId: 'user-1', event: 'Thing Done', messageId: `message-${made}`, ...fields };
}

/** A batch of that many valid events. */
export function batchOf(count: number): { batch: Record<string, unknown>[]; sentAt: string } {
  return { batch: Array.from({ length: count }, () => trackEvent()), sentAt: new Date().toISOString() };
}
