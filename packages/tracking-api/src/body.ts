// Reads a request body up to a limit, and decodes its content-encoding.
import type { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { MAX_REQUEST_BYTES } from './limits.js';
import { type Refusal, tooLarge } from './refusal.js';

const unzip = promisify(gunzip);

/** Most bytes of an oversize body to read and discard, so that the client can read the reply. */
const MAX_DISCARDED_BYTES = 16 * 1024 * 1024;

/** A body as it was received. */
export interface WireBody {
  /** Bytes received, including those that weren't kept. */
  received: number;
  /** The bytes; `null` if there were too many. */
  bytes: Buffer | null;
  /**
   * `aborted`: the client disconnected before the end. `given-up`: the body exceeded the limit and wasn't read to its
   * end.
   */
  end: 'complete' | 'aborted' | 'given-up';
}

/** Limits of `readBody`, in bytes. */
export interface ReadBounds {
  /** Most bytes to keep. Default: the limit of a request. */
  keep?: number;
  /** Most bytes to read. Default: 16 MiB. */
  read?: number;
  /** Called with each chunk. The chunks are then not kept. */
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
      // `concat` copies. A chunk is a view of the 64 KiB that were read from the socket, and would keep all of it in
      // memory.
      resolve({ received, bytes: isKept ? Buffer.concat(chunks) : null, end });
    };
    stream.on('data', onData);
    stream.once('end', () => finish('complete'));
    stream.once('close', () => finish('aborted'));
    stream.once('error', () => finish('aborted'));
  });
}

/** The JSON text of a body, or why it can't be decoded. */
export type DecodedBody = { bytes: Buffer } | { refusal: Refusal };

/**
 * Decodes the `content-encoding`. Stops at `keep` bytes (default: the limit of a request), so that a small body can't
 * expand without limit.
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
