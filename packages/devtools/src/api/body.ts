// In: a request as a stream. Out: its body, bounded and uncompressed. Next: parsed.ts reads the events.
import type { IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { MAX_REQUEST_BYTES } from './limits.js';

const unzip = promisify(gunzip);

/** Kept of a body, so that one somewhat over the limit is recorded with its size; the rest is read and let go. */
const KEPT_BYTES = 8 * MAX_REQUEST_BYTES;

/** A body as it came off the wire. */
export interface WireBody {
  /** Bytes received, also those not kept. */
  received: number;
  /** The bytes; `null` when there were too many to keep, or none were to be kept. */
  bytes: Buffer | null;
  /** False when the client left in the middle. */
  complete: boolean;
}

/** A body made readable. `bytes` is `null` when it cannot be read, and `refusal` says why. */
export interface PlainBody {
  bytes: Buffer | null;
  refusal?: string;
}

/**
 * Reads the whole body. With `visit` its chunks go there one by one, and none is kept. Never rejects: a client that leaves
 * gives `complete: false`.
 */
export function readBody(request: IncomingMessage, visit?: (chunk: Buffer) => void): Promise<WireBody> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let received = 0;
    const keep = (chunk: Buffer): void => {
      if (received <= KEPT_BYTES) chunks.push(chunk);
      else chunks.length = 0;
    };
    request.on('data', (chunk: Buffer) => {
      received += chunk.length;
      (visit ?? keep)(chunk);
    });
    const finish = (complete: boolean): void => {
      const isKept = visit === undefined && received <= KEPT_BYTES;
      // `concat` copies: a chunk is a window on the 64 KiB the socket was read into and would keep all of it.
      resolve({ received, bytes: isKept ? Buffer.concat(chunks) : null, complete });
    };
    request.once('end', () => finish(true));
    request.once('close', () => finish(false));
    request.once('error', () => finish(false));
  });
}

/** Undoes `content-encoding`. A body that grows beyond what is kept is refused, not unpacked. */
export async function plainBody(body: WireBody, encoding: string | undefined): Promise<PlainBody> {
  const tooLarge = `the request body is over the limit of ${MAX_REQUEST_BYTES} bytes`;
  if (body.bytes === null) return { bytes: null, refusal: tooLarge };
  const name = (encoding ?? 'identity').trim().toLowerCase();
  if (name === 'identity') return { bytes: body.bytes };
  if (name !== 'gzip') return { bytes: null, refusal: `content-encoding ${name} is not supported` };
  try {
    return { bytes: await unzip(body.bytes, { maxOutputLength: KEPT_BYTES }) };
  } catch (error) {
    const overBound = error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE';
    return { bytes: null, refusal: overBound ? tooLarge : 'the request body is not valid gzip' };
  }
}
