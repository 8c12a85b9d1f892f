// The only place where the main thread waits. In: a word in shared memory. Out: control, when the word has changed.

/**
 * Blocks until the word is no longer `seen`, or for `timeout` ms. May return early: the caller looks again.
 */
export function waitForChange(words: Int32Array, slot: number, seen: number, timeout: number): void {
  Atomics.wait(words, slot, seen, timeout);
}
