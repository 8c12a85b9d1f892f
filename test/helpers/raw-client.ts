// Sends one POST with plain node:http and returns the whole reply.
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { gzipSync } from 'node:zlib';

/** A reply. */
export interface RawReply {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
  bytes: Buffer;
}

export interface RawOptions {
  path?: string;
  /** Default: `KEY`. `null` sends no Authorization header. */
  writeKey?: string | null;
  headers?: Record<string, string>;
  gzip?: boolean;
  /** A certificate to trust. */
  ca?: string;
  /** Time limit of the whole exchange in milliseconds. Default: 20,000. */
  timeoutMs?: number;
}

/** Posts a body: an object as JSON, a string or Buffer unchanged. Rejects with the socket's error. */
export function post(url: string, body: unknown, options: RawOptions = {}): Promise<RawReply> {
  const {
    path = '/v1/batch',
    writeKey = 'KEY',
    headers = {},
    gzip = false,
    ca,
    timeoutMs = 20_000,
  } = options;
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

/** Returns a valid track event with its own messageId. */
export function trackEvent(fields: Record<string, unknown> = {}): Record<string, unknown> {
  made += 1;
  return { type: 'track', userId: 'user-1', event: 'Thing Done', messageId: `message-${made}`, ...fields };
}

/** Returns a batch of that many valid events. */
export function batchOf(count: number): { batch: Record<string, unknown>[]; sentAt: string } {
  return { batch: Array.from({ length: count }, () => trackEvent()), sentAt: new Date().toISOString() };
}
