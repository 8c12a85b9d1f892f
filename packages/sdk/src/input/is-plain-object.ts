// Anything -> whether it is an object that can go to the worker as it is. Used by tls.ts and headers.ts.

/** Whether a value is an object of no class, like `{}`: what a class means would be lost on the way to the worker. */
export function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  // Also that of another realm, like a test runner's.
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
