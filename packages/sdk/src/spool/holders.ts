// Shows other processes that this one is running: one holder per spool directory, shared by all clients. Used by
// client-spool.ts. Next: holder.ts of the worker package.
import { Holder, SIGN_INTERVAL_MS } from '@offthread/worker/spool/holder';
import { every } from '../runtime/clock.js';
import { onProcessEnd } from '../runtime/process-end.js';
import { inRootContext } from '../runtime/root-context.js';
import type { Timer } from '../runtime/ticked-timers.js';
import { version } from '../version.js';

/** The part of a client's spool that is needed here. It must not refer to the client. */
interface HeldSpool {
  /** Called when the process ends. Never throws. */
  end(): void;
}

interface Held {
  readonly holder: Holder;
  readonly timer: Timer;
  /** Those that use the directory. */
  readonly spools: Set<HeldSpool>;
}

/** The holder of each directory. Shared by all copies of this version, like the worker thread. */
const KEY = Symbol.for(`@offthread/sdk/spool/${version}`);
const scope = globalThis as { [KEY]?: Map<string, Held> };

function holders(): Map<string, Held> {
  scope[KEY] ??= new Map();
  return scope[KEY];
}

/** Returns the id of this process in the directory. Call `release` when done. */
export function hold(directory: string, spool: HeldSpool): string {
  if (holders().size === 0) onProcessEnd(endAll);
  let held = holders().get(directory);
  if (held === undefined) {
    held = inRootContext(() => {
      const holder = new Holder(directory);
      return { holder, timer: every(SIGN_INTERVAL_MS, () => holder.sign()), spools: new Set() };
    });
    holders().set(directory, held);
  }
  held.spools.add(spool);
  return held.holder.id;
}

export function release(directory: string, spool: HeldSpool): void {
  const held = holders().get(directory);
  if (held === undefined) return;
  held.spools.delete(spool);
  if (held.spools.size > 0) return;
  held.timer.stop();
  held.holder.close();
  holders().delete(directory);
}

/** The process goes on, although its end was announced: it has accepted another event. */
export function resume(directory: string): void {
  holders().get(directory)?.holder.open();
}

/** Removes the runs whose events are all settled, so that the next process doesn't have to read them. */
function endAll(): void {
  for (const { spools } of holders().values()) for (const spool of spools) spool.end();
  for (const { holder } of holders().values()) holder.close();
}
