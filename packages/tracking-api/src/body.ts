// Reads a request body within bounds, and undoes its content-encoding.
import type { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { MAX_REQUEST_BYTES } from './limits.js';
import { type Refusal, tooLarge } from './refusal.js';

const unzip = promisify(gunzip);

/** Most bytes of a body that is too large which are read and thrown away, so that the client gets to read the reply. */
const MAX_DISCARDED_BYTES = 16 * 1024 * 1024;

/** A body as it came off the wire. */
export interface WireBody {
  /** Bytes received, also those not kept. */
  received: number;
  /** The bytes; `null` when there were too many. */
  bytes: Buffer | null;
  /** `aborted`: the client left before the end. `given-up`: there was more than the bound, and it was not waited for. */
  end: 'complete' | 'aborted' | 'given-up';
}

/** Bounds of `readBody`, in bytes. */
export interface ReadBounds {
  /** Most that is kept. Default: the limit of a request. */
  keep?: number;
  /** Most that is read. Default: 16 MiB. */
  read?: number;
  /** Called with each chunk instead of keeping it. */
  onChunk?: (chunk: Buffer) => void;
}

/** Reads a body. Never rejects. */
export function readBody(
  stream: Readable,
  { keep = MAX_REQUEST_BYTES, read = MAX_DISCARDED_BYTES, onChunk }: ReadBounds = {},
): Promise<WireBody> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let received = 0;
    const onData = (chunk: Buffer): void => {
      received += chunk.length;
      if (onChunk !== undefined) onChunk(chunk);
      else if (received <= keep) chunks.push(chunk);
      else chunks.length = 0;
      if (received > read) finish('given-up');
    };
    const finish = (end: WireBody['end']): void => {
      stream.off('data', onData);
      const isKept = onChunk === undefined && received <= keep;
      // `concat` copies: a chunk is a window on the 64 KiB that the socket was read into, and would keep all of it.
      resolve({ received, bytes: isKept ? Buffer.concat(chunks) : null, end });
    };
    stream.on('data', onData);
    stream.once('end', () => finish('complete'));
    stream.once('close', () => finish('aborted'));
    stream.once('error', () => finish('aborted'));
  });
}

/** The JSON text of a body, or why there is none. */
export type DecodedBody = { bytes: Buffer } | { refusal: Refusal };

/**
 * Undoes the `content-encoding`. Stops at `keep` bytes (default: the limit of a request), however little was sent to
 * unpack to them.
 */
export async function decodeBody(
  bytes: Buffer | null,
  contentEncoding: string | undefined,
  keep: number = MAX_REQUEST_BYTES,
): Promise<DecodedBody> {
  if (bytes === null) return { refusal: tooLarge() };
  const encoding = (contentEncoding ?? '').trim().toLowerCase();
  if (encoding === '' || encoding === 'identity') return { bytes };
  if (encoding !== 'gzip' && encoding !== 'x-gzip') {
    return { refusal: badEncoding(`content-encoding ${encoding} is not supported`) };
  }
  try {
    return { bytes: await unzip(bytes, { maxOutputLength: keep }) };
  } catch (error) {
    const isOver = error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE';
    return { refusal: isOver ? tooLarge() : badEncoding('the request body is not valid gzip') };
  }
}

function badEncoding(message: string): Refusal {
  return { status: 400, code: 'invalid_encoding', message };
}
