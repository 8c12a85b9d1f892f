// An event JSON text cannot hold -> bytes of a structured clone. Next: the worker's serialize.ts. And for before-send.ts
// a copy of what JSON would see.
import { serialize } from 'node:v8';

/**
 * Takes the event as `JSON.stringify` would see it at this moment, `toJSON` and all, but leaves each BigInt a BigInt:
 * the worker writes them as text.
 *
 * @throws what a getter or a `toJSON` throws, and for a cycle.
 */
export function snapshot(event: object): Uint8Array {
  return serialize(plain('', event));
}

/**
 * A value as `JSON.stringify` would see it under that key, in objects and arrays of its own, a BigInt as a BigInt;
 * `undefined` where JSON leaves it out.
 *
 * @throws what a getter or a `toJSON` throws, and for a cycle.
 */
export function plain(key: string, given: unknown, parents: Set<object> = new Set()): unknown {
  const value = unbox(resolve(key, given));
  switch (typeof value) {
    case 'object':
      break;
    case 'number':
      return Number.isFinite(value) ? value : null;
    case 'function':
    case 'symbol':
      return undefined;
    default:
      return value;
  }
  if (value === null) return null;
  if (parents.has(value)) throw new TypeError(`The event has a cycle at '${key}'`);
  parents.add(value);
  const copy = Array.isArray(value) ? plainArray(value, parents) : plainObject(value, parents);
  parents.delete(value);
  return copy;
}

function plainArray(value: readonly unknown[], parents: Set<object>): unknown[] {
  return Array.from(value, (item, index) => plain(String(index), item, parents) ?? null);
}

function plainObject(value: object, parents: Set<object>): object {
  const copy: Record<string, unknown> = {};
  for (const key of Object.keys(value)) {
    const item = plain(key, (value as Record<string, unknown>)[key], parents);
    if (item === undefined) continue;
    // A key like any other, where it is not assigned to.
    if (key === '__proto__') Object.defineProperty(copy, key, { value: item, ...OWN });
    else copy[key] = item;
  }
  return copy;
}

const OWN = { enumerable: true, configurable: true, writable: true } as const;

function resolve(key: string, value: unknown): unknown {
  const isObject = (typeof value === 'object' && value !== null) || typeof value === 'function';
  if (!isObject && typeof value !== 'bigint') return value;
  const { toJSON } = value as { toJSON?: unknown };
  return typeof toJSON === 'function' ? toJSON.call(value, key) : value;
}

function unbox(value: unknown): unknown {
  if (value instanceof Number) return Number(value);
  if (value instanceof String) return String(value);
  if (value instanceof Boolean || value instanceof BigInt) return value.valueOf();
  return value;
}
