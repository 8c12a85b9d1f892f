// Handles the promises that functions of the user's may return.

/**
 * Calls `failed` once if the value is a promise or another thenable and rejects. Doesn't throw unless `failed` does.
 *
 * Uses `await` instead of `instanceof Promise` and `catch()`, because it works with promises of other realms and of
 * libraries, and doesn't use the global `Promise`, which may have been replaced.
 */
export function onRejection(returned: unknown, failed: (cause: unknown) => void): void {
  if (isObject(returned)) void settled(returned, failed);
}

async function settled(returned: object, failed: (cause: unknown) => void): Promise<void> {
  try {
    await returned;
  } catch (cause) {
    failed(cause);
  }
}

/**
 * Whether a function that must be synchronous has returned a promise. Handles its rejection, which would otherwise end
 * the process.
 *
 * @throws what a `then` getter throws.
 */
export function isPromise(returned: unknown): boolean {
  if (!isObject(returned) || !('then' in returned) || typeof returned.then !== 'function') return false;
  onRejection(returned, () => {});
  return true;
}

function isObject(value: unknown): value is object {
  return (typeof value === 'object' && value !== null) || typeof value === 'function';
}
