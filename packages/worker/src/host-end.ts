// Sends what is pending at once when the host's main thread ends, if the host's thread is another one. Used by index.ts.
//
// That thread does the same for itself, see host-threads.ts of the SDK. It may be busy, and then this is all there is.
import { HOST, HOST_THREAD, type HostThread } from './protocol.js';

export class HostEnd {
  readonly #words: Int32Array;
  readonly #at: number;
  readonly #flush: () => void;
  #isSeen = false;

  /** @param flush has all clients send what they have. */
  constructor({ memory, at }: HostThread, flush: () => void) {
    this.#words = new Int32Array(memory);
    this.#at = at;
    this.#flush = flush;
  }

  /** There is something to do: main is to wait for it. */
  beat(): void {
    Atomics.add(this.#words, this.#at + HOST_THREAD.BEAT, 1);
    if (this.#isSeen || Atomics.load(this.#words, HOST.ENDING) === 0) return;
    // Once, because hurrying has no pause between two attempts.
    this.#isSeen = true;
    this.#flush();
  }
}
