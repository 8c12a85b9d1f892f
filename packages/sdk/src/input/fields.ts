// Reads the fields of the caller's objects, own and inherited from classes, but not from Object.prototype.
import * as types from 'node:util/types';

/**
 * Whether an object inherits a property from Object.prototype, of any realm, and not from a class. False for a property
 * that the object doesn't list, because a Proxy may have fields that it doesn't list.
 */
export function isForeign(object: object, name: string): boolean {
  let holder: object | null = object;
  while (holder !== null && !Object.hasOwn(holder, name)) holder = Object.getPrototypeOf(holder);
  return holder !== null && holder !== object && isRoot(holder);
}

function isRoot(prototype: object): boolean {
  if (prototype === Object.prototype) return true;
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, 'isPrototypeOf');
}

/** The value of a field, own or inherited from a class. */
export function field(object: object, name: string): unknown {
  return isForeign(object, name) ? undefined : (object as Readonly<Record<string, unknown>>)[name];
}

/** A copy without a prototype, with all own fields and those of `names` that are inherited from a class. */
export function plainFields<Given extends object>(object: Given, names: Iterable<string>): Given {
  const fields = Object.assign(Object.create(null), object);
  for (const name of names) {
    const value = name in fields ? undefined : field(object, name);
    if (value !== undefined) fields[name] = value;
  }
  return fields;
}

/**
 * Merges the top-level fields of two objects. Those of `inner` take precedence. `toJSON` is called on both.
 *
 * @throws what a `toJSON` or a getter throws, and if one of them does not serialize to an object.
 */
export function merge(name: string, outer: object, inner: object): object {
  return { ...asJson(name, outer), ...asJson(name, inner) };
}

/**
 * The result of the object's `toJSON`, which receives `name` as its key, or the object if it has none.
 *
 * @throws what `toJSON` throws, and if the object does not serialize to an object.
 */
export function asJson(name: string, value: object): object {
  const seen = jsonObject(name, value);
  if (seen === undefined) throw new TypeError(`The ${name} does not serialize to a JSON object`);
  return seen;
}

/** The same, but undefined if the object does not serialize to an object. */
export function jsonObject(name: string, value: object): object | undefined {
  const { toJSON } = value as { toJSON?: unknown };
  const seen: unknown = typeof toJSON === 'function' ? toJSON.call(value, name) : value;
  if (seen == null) return {};
  return typeof seen === 'object' && !Array.isArray(seen) && !types.isBoxedPrimitive(seen) ? seen : undefined;
}
