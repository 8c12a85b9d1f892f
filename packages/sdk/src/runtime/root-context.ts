// The async context of no request: the worker thread, its port, the timers, `onError` and diagnostics belong to it.
//
// Whatever is made inside a request carries the stores of its AsyncLocalStorages on: into each message that ever comes in
// by a port, for instance. The request would never be collected, and its user would be credited with what others do.
import { AsyncResource } from 'node:async_hooks';

const root = new AsyncResource('OffthreadRoot');

/**
 * What an AsyncResource keeps of the context in which it was made, which may be a request's, because it may load this
 * package: the store of each AsyncLocalStorage (Node.js 20 and 22), or all of them in one frame (from 24 on). These are
 * internals. A Node.js that keeps them elsewhere leaves the first request's context in place, and nothing else is lost.
 */
const STORES: ReadonlySet<string | undefined> = new Set(['kResourceStore', 'context_frame']);
for (const symbol of Object.getOwnPropertySymbols(root)) {
  if (STORES.has(symbol.description)) Reflect.set(root, symbol, undefined);
}

/** Calls `run` outside of every request, and returns what it returns. */
export function inRootContext<T>(run: () => T): T {
  return root.runInAsyncScope(run);
}
