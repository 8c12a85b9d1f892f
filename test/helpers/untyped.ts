// In: anything. Out: what the SDK does with it when no compiler has looked, as in a JavaScript program.
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

/** The `ValidationError` that `act` throws; fails where it throws none. */
export function refusal(act: () => unknown): ValidationError {
  try {
    act();
  } catch (error) {
    if (error instanceof ValidationError) return error;
    throw error;
  }
  return expect.fail('it was taken');
}
