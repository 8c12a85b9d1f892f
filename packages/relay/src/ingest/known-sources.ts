// Finds the source of a write key without revealing by its timing how much of a key was right.
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Source } from '../source.js';

/** Finds a source by its write key. */
export class KnownSources {
  readonly #sources: readonly { readonly digest: Buffer; readonly source: Source }[];

  constructor(sources: readonly Source[]) {
    this.#sources = sources.map((source) => ({ digest: digestOf(source.writeKey), source }));
  }

  /** Returns the source, or undefined if the write key isn't known. Compares with all keys, each in constant time. */
  find(writeKey: string): Source | undefined {
    const digest = digestOf(writeKey);
    let found: Source | undefined;
    for (const each of this.#sources) if (timingSafeEqual(each.digest, digest)) found = each.source;
    return found;
  }
}

/** Digests have one length, which `timingSafeEqual` requires. */
function digestOf(writeKey: string): Buffer {
  return createHash('sha256').update(writeKey).digest();
}
