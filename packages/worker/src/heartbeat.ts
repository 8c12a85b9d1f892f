// The heartbeat of this thread, in the health block: shared memory by which main knows that the thread is alive, even
// while main is blocked. Used by index.ts and the files that report the thread's work.
import { HEALTH, HEALTH_CLOCK } from './protocol.js';

let words: Int32Array | undefined;
let clock: BigInt64Array | undefined;

export function useHealth(memory: SharedArrayBuffer): void {
  words = new Int32Array(memory);
  clock = new BigInt64Array(memory);
}

/**
 * Signals a heartbeat. Also called with each step of the work, because timers are late while a thousand clients have
 * work.
 */
export function signalLife(): void {
  if (words !== undefined) Atomics.add(words, HEALTH.BEAT, 1);
}

/** Writes the time on this thread's clock, for main to read. */
export function writeClock(): number {
  const now = performance.now();
  if (clock !== undefined) Atomics.store(clock, HEALTH_CLOCK, BigInt(Math.round(now)));
  return now;
}

/** Whether a program subscribes to deliveries, so that main wants to know of all of them. */
export function isProgressWanted(): boolean {
  return words !== undefined && Atomics.load(words, HEALTH.SUBSCRIBED) === 1;
}
