// Calls listeners when the process ends by itself, behind the final flush: by an exit, or by a signal that is raised again.
// Used by spool/holders.ts. flush/exit.ts and flush/signal-handlers.ts say when.

// Shared by the copies of all versions, because the handler of a signal belongs to the copy that was loaded first. While
// the key stays the same, this remains a set of functions that may be called more than once and don't throw.
const KEY = Symbol.for('@offthread/sdk/process-end/1');
const scope = globalThis as { [KEY]?: Set<() => void> };
scope[KEY] ??= new Set();
const listeners = scope[KEY];

/** @param listener never throws. It is called again if an event is accepted after the first call. */
export function onProcessEnd(listener: () => void): void {
  if (listeners.size === 0) process.on('exit', onExit);
  listeners.add(listener);
}

export function endProcess(): void {
  for (const listener of listeners) listener();
}

function onExit(): void {
  // Some libraries emit 'exit' themselves, and the process may continue.
  if (Reflect.get(process, '_exiting') !== false) endProcess();
}
