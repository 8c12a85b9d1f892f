// Shows other processes that this one is running: one holder per spool directory, shared by all clients. Used by
// client-spool.ts. Next: holder.ts of the worker package.
import { Holder, SIGN_INTERVAL_MS } from '@offthread/worker/spool/holder';
import { every } from '../runtime/clock.js';
import { inRootContext } from '../runtime/root-context.js';
import type { Timer } from '../runtime/ticked-timers.js';
import { version } from '../version.js';

/** The part of a client's spool that is needed here. */
interface HeldSpool {
  /** Called when the process ends. Never throws. */
  end(): void;
}

interface Held {
  readonly holder: Holder;
  readonly timer: Timer;
  clients: number;
}

/** Weak references, so that a client that is never closed can be collected. */
const spools = new Set<WeakRef<HeldSpool>>();

/** Shared by all copies of this version, like the worker thread. */
const KEY = Symbol.for(`@offthread/sdk/spool/${version}`);
const scope = globalThis as { [KEY]?: Map<string, Held> };

function holders(): Map<string, Held> {
  scope[KEY] ??= new Map();
  return scope[KEY];
}

/** Returns the id of this process in the directory. Call `release` when done. */
export function hold(directory: string, spool: HeldSpool): string {
  // After the exit hook that flushes.
  if (spools.size === 0) process.once('exit', endAll);
  spools.add(new WeakRef(spool));
  let held = holders().get(directory);
  if (held === undefined) {
    held = inRootContext(() => {
      const holder = new Holder(directory);
      return { holder, timer: every(SIGN_INTERVAL_MS, () => holder.sign()), clients: 0 };
    });
    holders().set(directory, held);
  }
  held.clients++;
  return held.holder.id;
}

export function release(directory: string): void {
  const held = holders().get(directory);
  if (held === undefined) return;
  held.clients--;
  if (held.clients > 0) return;
  held.timer.stop();
  held.holder.close();
  holders().delete(directory);
}

/** Removes the runs whose events are all settled, so that the next process doesn't have to read them. */
function endAll(): void {
  for (const reference of spools) reference.deref()?.end();
}
