// Controls the SDK's long timers from a test. It must be loaded before the SDK, which captures its timers when it is
// loaded: `const { advance } = await vi.hoisted(() => import('./helpers/long-timers.js'));`
import { createRequire, syncBuiltinESMExports } from 'node:module';

/** Milliseconds from which a timer counts as long. No other wait of the SDK takes that long. */
const LONG_MS = 30_000;

const timers = createRequire(import.meta.url)('node:timers') as typeof import('node:timers');
const { setTimeout: start, clearTimeout: stop } = timers;

interface Long {
  readonly timer: NodeJS.Timeout;
  readonly run: () => void;
  due: number;
}

const running = new Set<Long>();
let passed = 0;

Object.assign(timers, {
  setTimeout: (run: () => void, ms: number): NodeJS.Timeout => {
    const timer = start(run, ms);
    if (ms >= LONG_MS) running.add({ timer, run, due: passed + ms });
    return timer;
  },
  clearTimeout: (timer: NodeJS.Timeout): void => {
    stop(timer);
    for (const long of running) if (long.timer === timer) running.delete(long);
  },
});
syncBuiltinESMExports();

/** Advances the long timers by that many milliseconds. */
export function advance(ms: number): void {
  passed += ms;
  for (const long of running) {
    if (long.due > passed) continue;
    running.delete(long);
    stop(long.timer);
    long.run();
  }
}

/** Number of active long timers. */
export function countLong(): number {
  return running.size;
}
