// Objects of the caller's -> their fields, own and of their classes. What others put on Object.prototype is no field.
import * as types from 'node:util/types';

/**
 * Whether an object has that name only from Object.prototype, of whatever realm: not from itself or from a class. A
 * Proxy may have fields that it doesn't list, so this is not the same as to ask what an object has.
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

/** The field of that name, own or of a class. */
export function field(object: object, name: string): unknown {
  return isForeign(object, name) ? undefined : (object as Readonly<Record<string, unknown>>)[name];
}

/** A copy of all own fields and of those of `names` that a class has, which inherits nothing. */
export function plainFields<Given extends object>(object: Given, names: Iterable<string>): Given {
  const fields = Object.assign(Object.create(null), object);
  for (const name of names) {
    const value = name in fields ? undefined : field(object, name);
    if (value !== undefined) fields[name] = value;
  }
  return fields;
}

/**
 * Two objects of fields as one, key by key, no deeper; those of `inner` win. Each is taken as JSON sees it.
 *
 * @throws what a `toJSON` or a getter throws, and for what is no object as JSON.
 */
export function merge(name: string, outer: object, inner: object): object {
  return { ...asJson(name, outer), ...asJson(name, inner) };
}

/**
 * An object as JSON sees it under that name: what its `toJSON` gives, if it has one.
 *
 * @throws what a `toJSON` throws, and for what is no object as JSON.
 */
export function asJson(name: string, value: object): object {
  const seen = jsonObject(name, value);
  if (seen === undefined) throw new TypeError(`The ${name} is not an object as JSON`);
  return seen;
}

/** The same; undefined for what is no object as JSON. */
export function jsonObject(name: string, value: object): object | undefined {
  const { toJSON } = value as { toJSON?: unknown };
  const seen: unknown = typeof toJSON === 'function' ? toJSON.call(value, name) : value;
  if (seen == null) return {};
  return typeof seen === 'object' && !Array.isArray(seen) && !types.isBoxedPrimitive(seen) ? seen : undefined;
}
