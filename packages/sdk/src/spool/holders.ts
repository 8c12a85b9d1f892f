// What shows other processes that this one lives: one holder for each spool directory, for all clients. Used by
// client-spool.ts. Next: the worker package's holder.ts.
import { Holder, SIGN_INTERVAL_MS } from '@offthread/worker/spool/holder';
import { every } from '../runtime/clock.js';
import { inRootContext } from '../runtime/root-context.js';
import type { Timer } from '../runtime/ticked-timers.js';
import { version } from '../version.js';

/** A client's spool, as it looks from here. */
interface HeldSpool {
  /** The process ends. Never throws. */
  end(): void;
}

interface Held {
  readonly holder: Holder;
  readonly timer: Timer;
  clients: number;
}

/** Not held: nobody may refer to a client any more that was never closed. */
const spools = new Set<WeakRef<HeldSpool>>();

/** Shared by copies of one version, as the worker thread is. */
const KEY = Symbol.for(`@offthread/sdk/spool/${version}`);
const scope = globalThis as { [KEY]?: Map<string, Held> };

function holders(): Map<string, Held> {
  scope[KEY] ??= new Map();
  return scope[KEY];
}

/** The number that this process has in the directory. Give it back with `release`. */
export function hold(directory: string, spool: HeldSpool): string {
  // Behind the hook that flushes.
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

/** Leaves nothing behind of what was delivered, so that the next process finds nothing to look at. */
function endAll(): void {
  for (const reference of spools) reference.deref()?.end();
}
