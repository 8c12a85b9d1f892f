// Sends pending events at once when the main thread of the host ends, if the SDK is used in another thread. Used by
// index.ts.
//
// The other thread does the same for itself (see the SDK's host-threads.ts), but only if it isn't blocked.
import { HOST, HOST_THREAD, type HostThread } from './protocol.js';

export class HostEnd {
  readonly #words: Int32Array;
  readonly #at: number;
  readonly #flush: () => void;
  #isSeen = false;

  /** @param flush makes all clients send what they have. */
  constructor({ memory, at }: HostThread, flush: () => void) {
    this.#words = new Int32Array(memory);
    this.#at = at;
    this.#flush = flush;
  }

  /** Signals that there is work to do, so that main waits for it. */
  beat(): void {
    Atomics.add(this.#words, this.#at + HOST_THREAD.BEAT, 1);
    if (this.#isSeen || Atomics.load(this.#words, HOST.ENDING) === 0) return;
    // Only once, because there is no pause between the attempts of a flush.
    this.#isSeen = true;
    this.#flush();
  }
}
