// Calls the SDK with values that no compiler has checked, as a JavaScript program can.
import { Analytics, ValidationError } from '@offthread/sdk';
import { expect } from 'vitest';

/** Calls a method of a client by name. */
export function call(analytics: Analytics, method: string, ...given: unknown[]): unknown {
  return Reflect.apply(Reflect.get(analytics, method), analytics, given);
}

/** `new Analytics(…)`. */
export function construct(...given: unknown[]): Analytics {
  return Reflect.construct(Analytics, given);
}

/** Returns the `ValidationError` that `act` throws. Fails if it doesn't throw one. */
export function refusal(act: () => unknown): ValidationError {
  try {
    act();
  } catch (error) {
    if (error instanceof ValidationError) return error;
    throw error;
  }
  return expect.fail('it was taken');
}
