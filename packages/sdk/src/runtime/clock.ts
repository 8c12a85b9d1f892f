// The clocks and timers of the SDK, taken when it is loaded: nobody's fake timers stop a deadline, or stay behind in place of
// a real timer. What runs here runs outside of every request.
import { performance } from 'node:perf_hooks';
import * as timers from 'node:timers';
import { inRootContext } from './root-context.js';
import { TickedTimers, type Timer } from './ticked-timers.js';

const { setTimeout, setInterval, clearTimeout } = timers;

// The method of the prototype: fake timers replace the property of the object, which is all that Bun has.
const read: () => number = Object.getPrototypeOf(performance).now ?? performance.now;

/** Milliseconds on a clock that never steps. */
export function now(): number {
  return read.call(performance);
}

/** The years 0 to 9999 in milliseconds since 1970: what ISO 8601 writes with four digits. */
const WALL_RANGE_MS = [-62_167_219_200_000, 253_402_300_799_999] as const;

/** Milliseconds since 1970, by a test's own clock if it has one. A clock that says nonsense is passed over. */
export function wallTime(): number {
  const time: unknown = Date.now();
  if (typeof time === 'number' && time >= WALL_RANGE_MS[0] && time <= WALL_RANGE_MS[1]) return time;
  return Math.round(performance.timeOrigin + now());
}

/** Drives the timers if those of the process were fake when the SDK was loaded. The worker thread has real ones. */
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

// Made by the engine, because the global Promise may be somebody else's. A promise keeps the context it was made in.
const resolved = inRootContext(async () => {});

/** Calls `run` when the code that is running ends. By a promise, because fake timers put `queueMicrotask()` on hold. */
export function defer(run: () => void): void {
  inRootContext(() => void resolved.then(run));
}

/** Whether a timer that is started shows among what keeps the process running, as a fake one does not. */
function areTimersReal(): boolean {
  // There the list is always empty.
  if (process.versions['bun'] !== undefined) return true;
  const count = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
  const before = count();
  const probe = setTimeout(() => {}, 60_000);
  const isReal = count() > before;
  clearTimeout(probe);
  return isReal;
}
