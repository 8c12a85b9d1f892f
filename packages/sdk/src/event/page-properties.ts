// The properties of a page event as they are sent. The spec requires its category in them. Used by encode.ts.

import { jsonObject } from '../input/fields.js';
import { isAsGiven } from './as-given.js';
import type { AnyEvent } from './event.js';

/**
 * Returns the properties with the event's category, unless they have their own.
 * Source: https://segment.com/docs/connections/spec/page/
 *
 * @throws what a `toJSON` or a getter of the properties throws.
 */
export function pageProperties(event: AnyEvent): object | undefined {
  const properties = event.properties ?? undefined;
  const { category } = event;
  if (category == null || isAsGiven(event)) return properties;
  const seen = properties === undefined ? {} : jsonObject('properties', properties);
  // They don't serialize to an object, like a Date. They are sent unchanged.
  if (seen === undefined) return properties;
  // `category` comes first, because adding it to the copy later costs more than everything else here.
  const copy: { category: unknown; toJSON?: unknown } = { category, ...seen };
  if (copy.category === undefined) copy.category = category;
  // JSON.stringify doesn't call `toJSON` on the result of a `toJSON`, so the copy must not have the method.
  if (typeof copy.toJSON === 'function') copy.toJSON = undefined;
  return copy;
}
