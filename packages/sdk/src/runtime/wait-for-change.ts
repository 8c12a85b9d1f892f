// The only blocking wait on the main thread.

/**
 * Blocks until the word in shared memory is no longer `seen`, for at most `timeout` ms. May return early, so the caller
 * must check the word again.
 */
export function waitForChange(words: Int32Array, slot: number, seen: number, timeout: number): void {
  Atomics.wait(words, slot, seen, timeout);
}
