// Sends a recorded request to this server again.
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Entry } from '../api/entry.js';
import { CONNECTION_HEADERS } from './connection-headers.js';

/** Maximum wait for a reply, in ms. */
const TIMEOUT_MS = 120_000;

/**
 * Sends a request on its own connection, with its original write key. The reply isn't awaited; the request is recorded
 * like any other.
 */
export function replay({ method, path, query, headers, body }: Entry, url: string): void {
  const { protocol, hostname, port } = new URL(url);
  const send = protocol === 'https:' ? httpsRequest : httpRequest;
  const sent = send({
    method,
    path: path + query,
    host: hostname.replace(/^\[|\]$/g, ''),
    port,
    headers: Object.fromEntries(Object.entries(headers).filter(([name]) => !CONNECTION_HEADERS.has(name))),
    agent: false,
    signal: AbortSignal.timeout(TIMEOUT_MS),
    rejectUnauthorized: false, // It is this process, whose certificate need not be trusted by anybody.
  });
  sent.on('error', () => {}); // The behaviour may be to break the connection.
  sent.on('response', (response) => response.resume().on('error', () => {}));
  sent.end(body);
}
