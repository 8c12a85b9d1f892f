// The root async context, which belongs to no request. The worker thread, its port, the timers, `onError` and
// diagnostics use it.
//
// An async resource that is created in a request keeps the AsyncLocalStorage stores of the request. A port, for
// example, passes them on to every later message. The request would never be garbage collected, and events of other
// users could be attributed to its user.
import { AsyncResource } from 'node:async_hooks';

const root = new AsyncResource('OffthreadRoot');

/**
 * The properties in which an AsyncResource keeps the context it was created in: one store per AsyncLocalStorage
 * (Node.js 20 and 22), or one frame with all of them (Node.js 24 and later). They are cleared because a request may be
 * what loads this package. These are internals of Node.js: if a version uses other names, the stores of that request
 * are kept.
 */
const STORES: ReadonlySet<string | undefined> = new Set(['kResourceStore', 'context_frame']);
for (const symbol of Object.getOwnPropertySymbols(root)) {
  if (STORES.has(symbol.description)) Reflect.set(root, symbol, undefined);
}

/** Calls `run` in the root context, and returns its result. */
export function inRootContext<T>(run: () => T): T {
  return root.runInAsyncScope(run);
}
