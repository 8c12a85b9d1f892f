// Tells plain objects from instances of classes. Used by tls.ts, headers.ts, event-context.ts and matchers.ts.

/**
 * Whether a value is a plain object, like `{}`. A class instance would lose its methods on the way to the worker.
 */
export function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  // Also true for Object.prototype of another realm, such as a test runner's.
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
