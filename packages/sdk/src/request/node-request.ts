// Reads the requests of Express, and of NestJS on Express or Fastify. Used by ../frameworks/.
import type { IncomingMessage } from 'node:http';
import { type RequestFields, requestIdOf } from './request-fields.js';

/** What Express adds to a request, and Fastify to the one that it passes to middleware. */
export interface NodeRequest extends IncomingMessage {
  readonly ip?: string | undefined;
  readonly protocol?: string | undefined;
  readonly originalUrl?: string | undefined;
  /** Only in Express. */
  readonly app?: { get(setting: string): unknown } | undefined;
}

export function nodeRequestFields(request: NodeRequest): RequestFields {
  const { headers } = request;
  return {
    ip: request.ip,
    protocol: request.protocol,
    host: hostOf(request),
    target: request.originalUrl ?? request.url ?? '',
    userAgent: headers['user-agent'],
    acceptLanguage: headers['accept-language'],
    referrer: headers.referer,
    requestId: requestIdOf('id' in request ? request.id : undefined, text(headers['x-request-id'])),
  };
}

/** `host` of Express 5, with the port. In Express 4, `request.host` has no port, and prints a warning. */
function hostOf({ app, headers, socket }: NodeRequest): string | undefined {
  const forwarded = text(headers['x-forwarded-host']);
  const isTrusted = app?.get('trust proxy fn');
  if (forwarded === undefined || typeof isTrusted !== 'function') return headers.host;
  return isTrusted(socket.remoteAddress, 0) === true ? forwarded.split(',')[0]?.trim() : headers.host;
}

function text(header: string | string[] | undefined): string | undefined {
  return typeof header === 'string' ? header : undefined;
}
