// The clocks and timers of the SDK. They are captured when the SDK is loaded, so fake timers that a test installs later
// don't affect deadlines. Callbacks run in the root async context, not in that of a request.
import { performance } from 'node:perf_hooks';
import * as timers from 'node:timers';
import { inRootContext } from './root-context.js';
import { TickedTimers, type Timer } from './ticked-timers.js';

const { setTimeout, setInterval, clearTimeout } = timers;

// The method of the prototype, because fake timers replace the own property. Bun has only the own property.
const read: () => number = Object.getPrototypeOf(performance).now ?? performance.now;

/** The time in milliseconds on a monotonic clock. */
export function now(): number {
  return read.call(performance);
}

/** The years 0 to 9999, which ISO 8601 writes with four digits, in milliseconds since 1970. */
const WALL_RANGE_MS = [-62_167_219_200_000, 253_402_300_799_999] as const;

/** Milliseconds since 1970. Follows a mocked `Date.now()`, unless that returns something that is not a valid time. */
export function wallTime(): number {
  const time: unknown = Date.now();
  if (typeof time === 'number' && time >= WALL_RANGE_MS[0] && time <= WALL_RANGE_MS[1]) return time;
  return Math.round(performance.timeOrigin + now());
}

/**
 * Replaces the timers of the process if they were fake when the SDK was loaded. The worker thread always has real
 * timers.
 */
export const ticked = areTimersReal() ? undefined : new TickedTimers(now);

/** Calls `run` once, after `ms` milliseconds. */
export function after(ms: number, run: () => void): Timer {
  if (ticked !== undefined) return ticked.start(ms, run, false);
  return timer(inRootContext(() => setTimeout(run, ms)));
}

/** Calls `run` every `ms` milliseconds. */
export function every(ms: number, run: () => void): Timer {
  if (ticked !== undefined) return ticked.start(ms, run, true);
  return timer(inRootContext(() => setInterval(run, ms)));
}

function timer(timeout: NodeJS.Timeout): Timer {
  timeout.unref();
  return { hold: () => void timeout.ref(), stop: () => clearTimeout(timeout) };
}

// From an async function, because the global Promise may have been replaced. A promise keeps its async context.
const resolved = inRootContext(async () => {});

/** Calls `run` in a microtask. Uses a promise, because fake timers replace `queueMicrotask()`. */
export function defer(run: () => void): void {
  inRootContext(() => void resolved.then(run));
}

/** Whether a new timer is listed as an active resource of the process. A fake timer is not. */
function areTimersReal(): boolean {
  // The list of active resources is always empty in Bun.
  if (process.versions['bun'] !== undefined) return true;
  const count = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
  const before = count();
  const probe = setTimeout(() => {}, 60_000);
  const isReal = count() > before;
  clearTimeout(probe);
  return isReal;
}
