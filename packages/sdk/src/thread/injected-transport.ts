// The transport that a client of the testing kit brings along, in place of the worker thread. Used by analytics.ts and
// testing/test-analytics.ts.
import type { CreateTransport } from './transport.js';

// Global, because each entry of the package is a bundle of its own. Keyed by the settings object, and not a property of it:
// a Proxy of the caller's would see the look-up, and might throw.
const KEY = Symbol.for('@offthread/sdk/transports');
const scope = globalThis as { [KEY]?: WeakMap<object, CreateTransport> };

/** Has the client that is made with these settings use that transport. Returns the settings. */
export function injectTransport<Given extends object>(
  settings: Given,
  createTransport: CreateTransport,
): Given {
  scope[KEY] ??= new WeakMap();
  scope[KEY].set(settings, createTransport);
  return settings;
}

/** The transport that was injected, if any. */
export function injectedTransport(settings: object): CreateTransport | undefined {
  return scope[KEY]?.get(settings);
}
