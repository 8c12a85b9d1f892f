// A page -> its properties as they are sent: by the spec they have its category too. Used by encode.ts.

import { jsonObject } from '../input/fields.js';
import { isAsGiven } from './as-given.js';
import type { AnyEvent } from './event.js';

/**
 * The properties, with the category unless they have one of their own.
 * Source: https://segment.com/docs/connections/spec/page/
 *
 * @throws what a `toJSON` or a getter of the caller's throws.
 */
export function pageProperties(event: AnyEvent): object | undefined {
  const properties = event.properties ?? undefined;
  const { category } = event;
  if (category == null || isAsGiven(event)) return properties;
  const seen = properties === undefined ? {} : jsonObject('properties', properties);
  // Not an object as JSON, like a Date: JSON is asked once more, and says the same.
  if (seen === undefined) return properties;
  // In this order, because a field added afterwards costs more than all the rest.
  const copy: { category: unknown; toJSON?: unknown } = { category, ...seen };
  if (copy.category === undefined) copy.category = category;
  // JSON would ask what a `toJSON` has given for its own.
  if (typeof copy.toJSON === 'function') copy.toJSON = undefined;
  return copy;
}
