// Sends a request over the network and returns the response. This is the only file that opens a socket. Used by
// send-batch.ts and access-token.ts. Next: retry.ts.
import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import got, { type Got, type Request } from 'got';
import { MAX_REPLY_BYTES } from '../limits.js';
import type { DeliverySettings } from '../protocol.js';
import { inheritedMaxHeaderSize } from './apply-network-defaults.js';
import { connectionsTo } from './connections.js';
import { isBroken, isUntrusted } from './fault.js';
import { createMask } from './mask-secrets.js';
import { type Reply, type Response, readReply } from './response.js';
import { isSlow, type Upload, uploadOf } from './upload.js';

/** Fraction of the timeout after which an unfinished upload is checked for progress. */
const EARLY = 1 / 4;

const ABORTED: Response = { type: 'fault', message: 'The request was aborted' };

/** The request, and how to read its reply. */
interface HttpRequest {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | string;
  /** Masked in the text of the reply, in addition to the secrets in the settings. */
  readonly secret: string;
  /** Maximum characters of the reply to keep. */
  readonly maxText: number;
}

/** Sends one request to a fixed address. Never rejects. */
export type Exchange = (request: HttpRequest, signal: AbortSignal) => Promise<Response>;

// got only sends the request; everything else is off. retry.ts decides on retries. A redirect would repeat the body
// (and on one host the Authorization header) to an address that nobody configured. Replies aren't worth decompressing.
const client: Got = got.extend({
  method: 'POST',
  retry: { limit: 0 },
  throwHttpErrors: false,
  followRedirect: false,
  decompress: false,
  https: { rejectUnauthorized: true },
});

/**
 * Options for requests over http, which don't call this function. got would pass that of node:tls, and load the module.
 * Not for https: with a function of our own, Node.js 26 uses no connection twice.
 */
const WITHOUT_TLS = { https: { checkServerIdentity: () => undefined } };

/** Creates an `Exchange` for one client and one address. `gone` is aborted when the client is closed. */
export function createExchange(url: string, settings: DeliverySettings, gone?: AbortSignal): Exchange {
  const maskSettings = createMask(settings);
  const connections = connectionsTo(url, settings, gone);
  const protocol = url.startsWith('https:') ? {} : WITHOUT_TLS;
  return async ({ headers, body, secret, maxText }, signal) => {
    // The signal may have been aborted before a listener could be added.
    if (signal.aborted) return ABORTED;
    const mask = (text: string): string => maskSettings(text).replaceAll(secret, '[credentials]');
    const read = (reply: IncomingMessage, text: Buffer): Reply => readReply(reply, text, mask, maxText);
    const agent = connections.take();
    const maxHeaderSize = inheritedMaxHeaderSize();
    const request = client.stream(url, { agent, body, headers, maxHeaderSize, ...protocol });
    // Never removed: a connection can fail after the response is settled.
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
    // Our own timer, because got's timer stops with the reply even if the upload goes on, and its error is lost after
    // an upgrade.
    const timer = setTimeout(() => {
      slow = reply === undefined && isSlow(early, uploadOf(exchange?.socket));
      const reason = slow ? ': the upload is too slow' : '';
      request.destroy(new Error(`No answer within ${timeout} ms${reason}`));
    }, timeout);
    let early: Upload | undefined;
    const earlyTimer = setTimeout(() => {
      early = uploadOf(exchange?.socket);
    }, timeout * EARLY);
    /** May be called more than once; only the first call counts. A reply takes precedence over a fault. */
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
      // The server replied before it read everything. Without this, the upload would never end and its connection would
      // stay open.
      if (!request.writableFinished) request.destroy();
    });
    // Never removed: a connection can fail after the response is settled.
    request.on('error', (error: Error & { code?: string }) => {
      // An AggregateError has no message of its own. It occurs if a name has several addresses.
      const message = mask(error.message || (error.code ?? error.name));
      settle(
        isUntrusted(error.code)
          ? { type: 'refused', code: 'tls_refused', message }
          : { type: 'fault', message, reused: exchange?.reusedSocket === true && isBroken(error.code), slow },
      );
    });
    // No other event follows. Destroying the request doesn't destroy this socket.
    request.on('upgrade', (_reply: IncomingMessage, socket: Socket) => {
      socket.destroy();
      request.destroy(new Error('The server wants to switch protocols'));
    });
    // After the request is destroyed without an error.
    request.on('close', () => settle(ABORTED));
  });
}
