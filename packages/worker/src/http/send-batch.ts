// Makes one attempt to send a body to the API. Next: exchange.ts, then retry.ts.
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { DeliverySettings } from '../protocol.js';
import { createExchange } from './exchange.js';
import { type Response, SHOWN_LENGTH } from './response.js';

/**
 * Sends a body. `retry` is 0 for the first attempt. `authorization` is the value of that header; by default it contains
 * the write key. Never rejects.
 */
export type Send = (
  body: Buffer,
  retry: number,
  signal: AbortSignal,
  authorization?: string,
) => Promise<Response>;

/** Creates a `Send` for one client. `gone` is aborted when the client is closed. */
export function createSend(settings: DeliverySettings, gone?: AbortSignal): Send {
  if (settings.stub) return async () => ({ type: 'reply', status: 200, text: '', sent: true });
  // Only if it is set, because node:zlib is loaded when it is first used.
  const compress = settings.gzip ? promisify(gzip) : undefined;
  const exchange = createExchange(settings.url, settings, gone);
  const basic = `Basic ${Buffer.from(`${settings.writeKey}:`).toString('base64')}`;
  const common = {
    'user-agent': settings.userAgent,
    ...settings.headers,
    'content-type': 'application/json',
    ...(settings.gzip ? { 'content-encoding': 'gzip' } : undefined),
  };
  return async (body, retry, signal, authorization = basic) => {
    const secret = authorization.slice(authorization.indexOf(' ') + 1);
    const headers = { ...common, authorization, ...(retry > 0 && { 'x-retry-count': String(retry) }) };
    const sent = compress === undefined ? body : await compress(body);
    return exchange({ headers, body: sent, secret, maxText: SHOWN_LENGTH }, signal);
  };
}
