// Copies values as `JSON.stringify` sees them, for before-send.ts, and serializes events with a BigInt, which JSON text
// cannot hold, for whole-event.ts. Next: the worker's serialize-snapshot.ts.
import { constants } from 'node:buffer';
import * as types from 'node:util/types';
import { nanoid } from 'nanoid';

/**
 * The placeholder for a BigInt in the text of a snapshot, followed by an index. It is random and never leaves the
 * process, so no string in an event can contain it.
 */
const MARK = nanoid();

/**
 * The maximum number of levels of objects and arrays that are copied, including the event itself. On the main thread's
 * stack of 984 KB, on Node.js 20 to 26, the copy overflows at 2,500 levels or more, and the `JSON.stringify` after it
 * at 4,100. So this depth works on all of them, even if the caller already uses half of the stack.
 */
const MAX_DEPTH = 1_024;

/** Longer arrays can't be serialized: each item takes at least two characters of the string. */
const MAX_ITEMS = constants.MAX_STRING_LENGTH / 2;

/** Whether a value was made by `JSON.rawJSON`, which Node.js 20 doesn't have. */
export const { isRawJSON = () => false } = JSON as { isRawJSON?: (value: unknown) => boolean };

/** An event with a BigInt. */
export interface Snapshot {
  readonly content: Uint8Array;
  /** The minimum size of the event in bytes when it is sent. */
  readonly minBytes: number;
}

/** Represents the event that contains a field, because the event is a level too. */
const EVENT = Symbol('event');

/** The state of a copy in progress. */
interface Copying {
  /** The objects being copied, from the outermost to the innermost. */
  readonly parents: Set<unknown>;
  /** Collects the BigInts, which are replaced by placeholders. If undefined, BigInts stay in the copy. */
  readonly bigInts: bigint[] | undefined;
}

/**
 * Serializes an event as `JSON.stringify` would. BigInts are replaced by placeholders in the text and follow it, and
 * the worker inserts them. `complete` receives the text after all code of the caller, such as getters, has run.
 *
 * @throws what a getter or a `toJSON` throws, and if the event has a cycle or too many levels.
 */
export function snapshot(event: object, complete: (text: string) => string): Snapshot {
  const bigInts: bigint[] = [];
  const text = complete(JSON.stringify(copyOf('', event, { parents: new Set(), bigInts })));
  // Loaded here, because most programs have no event with a BigInt, and the module costs 1 to 3 MB.
  const content = process.getBuiltinModule('node:v8').serialize([text, MARK, ...bigInts]);
  return { content, minBytes: minBytesOf(text.length, bigInts.length, content.length) };
}

/**
 * A lower bound, because only the worker converts the BigInts to digits. A BigInt of n bytes has at least 2.4 * (n - 8)
 * digits. `serialize` writes 6 more bytes for each BigInt, at most 2 bytes for each character of the text, and at most
 * 64 for the rest.
 */
function minBytesOf(characters: number, bigInts: number, bytes: number): number {
  const marks = bigInts * (MARK.length + String(bigInts).length);
  const digits = 2.4 * (bytes - 2 * characters - 64 - (6 + 8) * bigInts);
  return characters - marks + Math.max(bigInts, Math.floor(digits));
}

/**
 * A deep copy of a field of an event, as `JSON.stringify` would see it under that key. `undefined` if JSON leaves it
 * out. BigInts and results of `JSON.rawJSON` stay as they are.
 *
 * @throws what a getter or a `toJSON` throws, and if the field has a cycle or too many levels.
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
    throw new RangeError(
      `The event has ${limit}, which is the limit if it has a BigInt or if beforeSend is set`,
    );
  }
  parents.add(value);
  const copy = Array.isArray(value) ? arrayOf(value, copying) : objectOf(value, copying);
  parents.delete(value);
  return copy;
}

/** Copies by index, as JSON does. A custom iterator has no effect, and holes become null. */
function arrayOf(value: readonly unknown[], copying: Copying): unknown[] {
  // The length of a Proxy can be anything.
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
    // An assignment would set the prototype.
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

/** The primitive value of an object like `Object(1)`, of any realm and with any prototype. */
function unbox(value: unknown): unknown {
  if (!types.isBoxedPrimitive(value)) return value;
  if (types.isNumberObject(value)) return +Object(value);
  if (types.isStringObject(value)) return `${Object(value)}`;
  if (types.isBooleanObject(value)) return Boolean.prototype.valueOf.call(value);
  if (types.isBigIntObject(value)) return BigInt.prototype.valueOf.call(value);
  return value;
}
