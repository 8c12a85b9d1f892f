// Shows other processes that this one is running: one holder per spool directory, shared by all clients. Used by
// client-spool.ts. Next: holder.ts of the worker package.
import { Holder, SIGN_INTERVAL_MS } from '@offthread/worker/spool/holder';
import { every } from '../runtime/clock.js';
import { onProcessEnd } from '../runtime/process-end.js';
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

/** Shared by all copies of this version, like the worker thread. */
interface Shared {
  /** The holder of each directory. */
  readonly holders: Map<string, Held>;
  /** Weak references, so that a client that is never closed can be collected. */
  readonly spools: Set<WeakRef<HeldSpool>>;
}

const KEY = Symbol.for(`@offthread/sdk/spool/${version}`);
const scope = globalThis as { [KEY]?: Shared };

function shared(): Shared {
  scope[KEY] ??= { holders: new Map(), spools: new Set() };
  return scope[KEY];
}

/** Returns the id of this process in the directory. Call `release` when done. */
export function hold(directory: string, spool: HeldSpool): string {
  const { holders, spools } = shared();
  if (spools.size === 0) onProcessEnd(endAll);
  spools.add(new WeakRef(spool));
  let held = holders.get(directory);
  if (held === undefined) {
    held = inRootContext(() => {
      const holder = new Holder(directory);
      return { holder, timer: every(SIGN_INTERVAL_MS, () => holder.sign()), clients: 0 };
    });
    holders.set(directory, held);
  }
  held.clients++;
  return held.holder.id;
}

export function release(directory: string): void {
  const { holders } = shared();
  const held = holders.get(directory);
  if (held === undefined) return;
  held.clients--;
  if (held.clients > 0) return;
  held.timer.stop();
  held.holder.close();
  holders.delete(directory);
}

/** The process goes on, although its end was announced: it has accepted another event. */
export function resume(directory: string): void {
  shared().holders.get(directory)?.holder.open();
}

/** Removes the runs whose events are all settled, so that the next process doesn't have to read them. */
function endAll(): void {
  const { holders, spools } = shared();
  for (const reference of spools) reference.deref()?.end();
  for (const { holder } of holders.values()) holder.close();
}
