// Checks of the values of single settings. Used by settings.ts.
import { constants } from 'node:os';
import { type AnalyticsError, conceal, show, ValidationError } from '../errors.js';
import type { OAuth } from './oauth.js';

/** Node.js treats longer timeouts as 1 ms. */
export const MAX_TIMER = 2 ** 31 - 1;

/** Returns the value of a setting if it is valid. Otherwise throws a `ValidationError`. */
export type Check<T> = (value: unknown, name: string) => T;

/** Checks a timeout passed to a method. */
export const checkTimeout = integer(0, MAX_TIMER);

export function text(value: unknown, name: string): string {
  if (typeof value === 'string' && value.trim() !== '') return value;
  throw new ValidationError('invalid_setting', `Setting '${name}' must be a non-empty string`, value);
}

export function writeKey(value: unknown): string {
  if (typeof value === 'string' && value.trim() !== '') return value;
  const expected = "Setting 'writeKey' must be the write key of your source, a non-empty string";
  throw new ValidationError('invalid_setting', `${expected}; got ${conceal(value)}`);
}

export function path(value: unknown, name: string): string {
  if (typeof value === 'string' && /^\/[^\s?#]*$/.test(value)) return value;
  throw new ValidationError('invalid_setting', `Setting '${name}' must be a path like '/v1/batch'`, value);
}

export function integer(min: number, max = Number.MAX_SAFE_INTEGER): Check<number> {
  const range = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`;
  return (value, name) => {
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max)
      return value;
    throw new ValidationError('invalid_setting', `Setting '${name}' must be a whole number ${range}`, value);
  };
}

export function flag(value: unknown, name: string): boolean {
  if (typeof value === 'boolean') return value;
  throw new ValidationError('invalid_setting', `Setting '${name}' must be true or false`, value);
}

export function flagOrStore(value: unknown, name: string): boolean | 'store' {
  if (typeof value === 'boolean' || value === 'store') return value;
  throw new ValidationError('invalid_setting', `Setting '${name}' must be true, false or 'store'`, value);
}

/** Checks only that it is an object. `resolveOAuth` checks the fields. */
export function anOAuthApp(value: unknown, name: string): OAuth {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as OAuth;
  // The value may be the private key.
  const expected = `Setting '${name}' must be an object like { clientId, clientKey, keyId }`;
  throw new ValidationError('invalid_setting', `${expected}; got ${conceal(value)}`);
}

export function aFunction(value: unknown, name: string): (error: AnalyticsError) => unknown {
  if (typeof value === 'function') return value as (error: AnalyticsError) => unknown;
  throw new ValidationError('invalid_setting', `Setting '${name}' must be a function`, value);
}

export function oneOf<T extends string>(values: readonly T[]): Check<T> {
  return (value, name) => {
    const found = values.find((each) => each === value);
    if (found !== undefined) return found;
    const expected = `Setting '${name}' must be one of ${values.map(show).join(', ')}`;
    throw new ValidationError('invalid_setting', expected, value);
  };
}

export function signals(value: unknown, name: string): readonly NodeJS.Signals[] {
  const expected = `Setting '${name}' must be a list of signals like ['SIGTERM', 'SIGINT']`;
  if (!Array.isArray(value)) throw new ValidationError('invalid_setting', expected, value);
  for (const signal of value) {
    // These two signals can't be handled.
    const known = typeof signal === 'string' && Object.hasOwn(constants.signals, signal);
    if (!known || signal === 'SIGKILL' || signal === 'SIGSTOP') {
      throw new ValidationError('invalid_setting', expected, signal);
    }
  }
  return [...new Set(value)];
}
