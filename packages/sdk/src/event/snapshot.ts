// A value -> a copy of what `JSON.stringify` sees of it, for before-send.ts; and for encode.ts an event that JSON text
// cannot hold, as bytes. Next: the worker's serialize-snapshot.ts.
import { constants } from 'node:buffer';
import * as types from 'node:util/types';
import { nanoid } from 'nanoid';

/**
 * Stands, followed by a number, for a BigInt in the text of a snapshot. It never leaves the process, so no string of an
 * event can look like it.
 */
const MARK = nanoid();

/**
 * Levels of objects and arrays, the event itself included, that may be copied. On the main thread's stack of 984 KB the
 * copy overflows at 2,500 levels or more, on Node.js 20 to 26, and the `JSON.stringify` after it at 4,100. So an event of
 * this depth passes on each of them, even if the caller uses half of the stack.
 */
const MAX_DEPTH = 1_024;

/** `JSON.stringify` refuses longer arrays at once: each item takes two characters at least. */
const MAX_ITEMS = constants.MAX_STRING_LENGTH / 2;

/** Whether a value comes from `JSON.rawJSON`, which Node.js 20 does not have. */
export const { isRawJSON = () => false } = JSON as { isRawJSON?: (value: unknown) => boolean };

/** An event with a BigInt. */
export interface Snapshot {
  readonly content: Uint8Array;
  /** Bytes that it has at least when it is sent. */
  readonly minBytes: number;
}

/** Stands for the event that a field is in, which is a level too. */
const EVENT = Symbol('event');

/** What a copy is made with. */
interface Copying {
  /** What is being copied, from the outermost object to the innermost. */
  readonly parents: Set<unknown>;
  /** Takes the BigInts, which are marked in the copy. If there is none they stay in the copy. */
  readonly bigInts: bigint[] | undefined;
}

/**
 * Takes an event as `JSON.stringify` would see it at this moment. The text has marks for BigInts, and they come with it:
 * the worker writes them. The text is given to `complete` when no code of the caller's runs any more.
 *
 * @throws what a getter or a `toJSON` throws, for a cycle, and for too many levels.
 */
export function snapshot(event: object, complete: (text: string) => string): Snapshot {
  const bigInts: bigint[] = [];
  const text = complete(JSON.stringify(copyOf('', event, { parents: new Set(), bigInts })));
  // Loaded here, because most programs have no event with a BigInt, and the module costs 1 to 3 MB.
  const content = process.getBuiltinModule('node:v8').serialize([text, MARK, ...bigInts]);
  return { content, minBytes: minBytesOf(text.length, bigInts.length, content.length) };
}

/**
 * Only the worker counts the digits of BigInts. A BigInt of n bytes has at least 2.4 * (n - 8) digits. `serialize` writes 6
 * bytes more for each, at most 2 bytes for each character of the text, and at most 64 for the rest.
 */
function minBytesOf(characters: number, bigInts: number, bytes: number): number {
  const marks = bigInts * (MARK.length + String(bigInts).length);
  const digits = 2.4 * (bytes - 2 * characters - 64 - (6 + 8) * bigInts);
  return characters - marks + Math.max(bigInts, Math.floor(digits));
}

/**
 * A field of an event as `JSON.stringify` would see it under that key, in objects and arrays of its own; `undefined` if
 * JSON leaves it out. A BigInt stays a BigInt, and what `JSON.rawJSON` made stays what it is.
 *
 * @throws what a getter or a `toJSON` throws, for a cycle, and for too many levels.
 */
export function plainCopy(key: string, value: unknown): unknown {
  return copyOf(key, value, { parents: new Set([EVENT]), bigInts: undefined });
}

function copyOf(key: string, given: unknown, copying: Copying): unknown {
  const value = unbox(resolve(key, given));
  switch (typeof value) {
    case 'object':
      break;
    case 'number':
      return Number.isFinite(value) ? value : null;
    case 'bigint':
      return copying.bigInts === undefined ? value : MARK + (copying.bigInts.push(value) - 1);
    case 'function':
    case 'symbol':
      return undefined;
    default:
      return value;
  }
  if (value === null || isRawJSON(value)) return value;
  const { parents } = copying;
  if (parents.has(value)) throw new TypeError(`The event has a cycle at '${key}'`);
  if (parents.size === MAX_DEPTH) {
    const limit = `more than ${MAX_DEPTH} levels of objects and arrays`;
    throw new RangeError(`The event has ${limit}, too many with a BigInt in it or with beforeSend`);
  }
  parents.add(value);
  const copy = Array.isArray(value) ? arrayOf(value, copying) : objectOf(value, copying);
  parents.delete(value);
  return copy;
}

/** By index, as JSON does: an iterator of its own, or holes, make no difference. */
function arrayOf(value: readonly unknown[], copying: Copying): unknown[] {
  // A Proxy may give anything as length.
  const length = Math.trunc(Number(value.length));
  if (length > MAX_ITEMS) throw new RangeError(`An array of ${length} items is too long for JSON`);
  const copy: unknown[] = [];
  for (let index = 0; index < length; index++) {
    copy.push(copyOf(String(index), value[index], copying) ?? null);
  }
  return copy;
}

function objectOf(value: object, copying: Copying): object {
  const copy: Record<string, unknown> = {};
  for (const key of Object.keys(value)) {
    const item = copyOf(key, (value as Record<string, unknown>)[key], copying);
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
  return typeof toJSON === 'function' ? Reflect.apply(toJSON, value, [key]) : value;
}

/** The primitive in an object like `Object(1)`, of any realm and whatever its prototype is. */
function unbox(value: unknown): unknown {
  if (!types.isBoxedPrimitive(value)) return value;
  if (types.isNumberObject(value)) return +Object(value);
  if (types.isStringObject(value)) return `${Object(value)}`;
  if (types.isBooleanObject(value)) return Boolean.prototype.valueOf.call(value);
  if (types.isBigIntObject(value)) return BigInt.prototype.valueOf.call(value);
  return value;
}
