// Injects the transport of the testing kit into a client, instead of the worker thread. Used by analytics.ts and
// testing/test-analytics.ts.
import type { CreateTransport } from './transport.js';

// Global, because each entry point of the package is a separate bundle. The transport is not a property of the settings
// object, because the object may be a Proxy, which could throw on access.
const KEY = Symbol.for('@offthread/sdk/transports');
const scope = globalThis as { [KEY]?: WeakMap<object, CreateTransport> };

/** Sets the transport of the client that is created with these settings. Returns the settings. */
export function injectTransport<Given extends object>(
  settings: Given,
  createTransport: CreateTransport,
): Given {
  scope[KEY] ??= new WeakMap();
  scope[KEY].set(settings, createTransport);
  return settings;
}

/** Returns the injected transport, if there is one. */
export function injectedTransport(settings: object): CreateTransport | undefined {
  return scope[KEY]?.get(settings);
}
