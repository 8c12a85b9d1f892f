// What a function of the user's returned -> its rejection, whatever kind of promise it is. Used wherever we call one.

/**
 * Calls `failed` once if the value is a promise, or anything with a `then`, and rejects. Never throws or rejects, as long
 * as `failed` doesn't.
 *
 * `await` instead of `instanceof Promise` and `catch()`: it knows promises of other realms and of libraries, and doesn't
 * use the global `Promise`, which may have been replaced.
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
 * Whether a function that has to answer at once has returned a promise. Its rejection is of no interest then, and
 * doesn't end the process.
 *
 * @throws what its `then` throws if that is a getter.
 */
export function isPromise(returned: unknown): boolean {
  if (!isObject(returned) || !('then' in returned) || typeof returned.then !== 'function') return false;
  onRejection(returned, () => {});
  return true;
}

function isObject(value: unknown): value is object {
  return (typeof value === 'object' && value !== null) || typeof value === 'function';
}
