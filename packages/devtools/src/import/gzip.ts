// Uncompresses gzip.
import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';

/** Decides by the content, because a pipe has no name. */
export function isGzip(head: Buffer): boolean {
  return head[0] === 0x1f && head[1] === 0x8b;
}

export async function* unzippedIfGzip(chunks: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  let head = Buffer.alloc(0);
  while (head.length < 2) {
    const next = await chunks.next();
    if (next.done === true) break;
    head = Buffer.concat([head, next.value]);
  }
  const whole = (async function* () {
    if (head.length > 0) yield head;
    yield* chunks;
  })();
  yield* isGzip(head) ? unzipped(whole) : whole;
}

/** Yields what can be read, then throws if the data is damaged or ends too early. */
export async function* unzipped(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const gunzip = createGunzip();
  const input = Readable.from(chunks);
  input.once('error', (error) => gunzip.destroy(error));
  try {
    yield* input.pipe(gunzip);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && String(error.code).startsWith('Z_'))) throw error;
    throw new Error(`the gzip data is damaged or ends too early: ${error.message}`, { cause: error });
  }
}
