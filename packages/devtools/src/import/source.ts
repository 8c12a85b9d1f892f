// Reads the input, uncompressed, from a file or from stdin.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { UsageError } from '../usage.js';
import { isGzip, unzipped, unzippedIfGzip } from './gzip.js';

/** Bytes to hash at each end of a file. Hashing all of it would read 100 GB twice. */
const HASHED_BYTES = 64 * 1024;

/** Identifies the content of a file. */
export interface Fingerprint {
  readonly size: number;
  readonly mtimeMs: number;
  /** SHA-256 of both ends. */
  readonly hash: string;
}

/** An input. */
export interface Source {
  readonly name: string;
  /** `undefined` for a pipe, because a later run can't continue it. */
  readonly fingerprint: Fingerprint | undefined;
  /** Bytes read so far, of `fingerprint.size`. */
  readonly bytesRead: number;
  /** The first uncompressed bytes: as many as `isEnough` asks for, or all. */
  head(isEnough: (bytes: Buffer) => boolean): Promise<Buffer>;
  /**
   * The uncompressed bytes from `offset` on. Ends early, without an error, when `signal` is aborted. Throws if the
   * input ends before `offset`.
   */
  read(offset: number, signal: AbortSignal): AsyncGenerator<Buffer>;
}

/** Opens a file, or stdin for `-`. Throws a `UsageError` if it can't be read. */
export async function openSource(name: string): Promise<Source> {
  if (name === '-') return piped(process.stdin, 'stdin');
  const file = await open(name).catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(
      error.code === 'ENOENT' ? `${name}: there is no such file` : `${name}: ${error.message}`,
    );
  });
  try {
    const status = await file.stat();
    if (status.isDirectory()) throw new UsageError(`${name} is a directory; expected a file of events`);
    // A named pipe, /dev/stdin or the shell's <(…) can't be read twice.
    if (!status.isFile()) return piped(createReadStream(name), name);
    const { size, mtimeMs } = status;
    const head = await bytesAt(file, 0, size);
    const tail = await bytesAt(file, Math.max(0, size - HASHED_BYTES), size);
    const hash = createHash('sha256').update(head).update(tail).digest('hex');
    return stored(name, { size, mtimeMs, hash }, isGzip(head));
  } finally {
    await file.close();
  }
}

function stored(name: string, fingerprint: Fingerprint, gzip: boolean): Source {
  let bytesRead = 0;
  return {
    name,
    fingerprint,
    get bytesRead() {
      return bytesRead;
    },
    async head(isEnough) {
      if (fingerprint.size === 0) return Buffer.alloc(0);
      const stream = createReadStream(name, { end: fingerprint.size - 1 });
      const chunks = gzip ? unzipped(stream) : stream[Symbol.asyncIterator]();
      const found: Buffer[] = [];
      // `read` reports the error, after everything before it.
      await beginning(chunks, found, isEnough).catch(() => {});
      await chunks.return?.();
      stream.destroy();
      return Buffer.concat(found);
    },
    async *read(offset, signal) {
      // Lines that are appended meanwhile belong to another import.
      const { size } = fingerprint;
      const start = gzip ? 0 : offset;
      if (start > size) throw beyond(offset);
      if (start === size) return;
      bytesRead = start;
      const stream = createReadStream(name, { start, end: size - 1 });
      const counted = (async function* () {
        for await (const chunk of stream) {
          bytesRead += chunk.length;
          yield chunk as Buffer;
        }
      })();
      yield* until(signal, gzip ? behind(offset, unzipped(counted)) : counted, stream);
    },
  };
}

function piped(stream: Readable, name: string): Source {
  let bytesRead = 0;
  const counted = (async function* () {
    for await (const chunk of stream) {
      bytesRead += chunk.length;
      yield chunk as Buffer;
    }
  })();
  const chunks = unzippedIfGzip(counted);
  const head: Buffer[] = [];
  return {
    name,
    fingerprint: undefined,
    get bytesRead() {
      return bytesRead;
    },
    async head(isEnough) {
      await beginning(chunks, head, isEnough);
      return Buffer.concat(head);
    },
    async *read(offset, signal) {
      const all = (async function* () {
        yield* head.splice(0);
        yield* chunks;
      })();
      yield* until(signal, behind(offset, all), stream);
    },
  };
}

/** Reads chunks into `found` until they are enough. */
async function beginning(
  chunks: AsyncIterator<Buffer>,
  found: Buffer[],
  isEnough: (bytes: Buffer) => boolean,
): Promise<void> {
  while (!isEnough(Buffer.concat(found))) {
    const next = await chunks.next();
    if (next.done === true) return;
    found.push(next.value);
  }
}

/** Yields chunks until the signal, which destroys the stream: a read from a terminal may never end by itself. */
async function* until(
  signal: AbortSignal,
  chunks: AsyncIterable<Buffer>,
  stream: Readable,
): AsyncGenerator<Buffer> {
  const stop = (): void => {
    stream.destroy();
  };
  if (signal.aborted) return stop();
  signal.addEventListener('abort', stop, { once: true });
  try {
    for await (const chunk of chunks) {
      if (signal.aborted) return;
      yield chunk;
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    signal.removeEventListener('abort', stop);
    stop();
  }
}

async function* behind(offset: number, chunks: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  let left = offset;
  for await (const chunk of chunks) {
    if (left >= chunk.length) left -= chunk.length;
    else {
      yield left === 0 ? chunk : chunk.subarray(left);
      left = 0;
    }
  }
  if (left > 0) throw beyond(offset);
}

function beyond(offset: number): Error {
  return new Error(
    `the state file says that ${offset} bytes are done, which is beyond the end of the input. Pass --restart to start over`,
  );
}

async function bytesAt(file: FileHandle, position: number, size: number): Promise<Buffer> {
  const bytes = Buffer.alloc(Math.min(HASHED_BYTES, size - position));
  const { bytesRead } = await file.read(bytes, 0, bytes.length, position);
  return bytes.subarray(0, bytesRead);
}
