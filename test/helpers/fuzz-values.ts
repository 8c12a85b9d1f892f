// Hostile values for fast-check, of kinds that no program should pass. They are the same each time they are read.
import { types } from 'node:util';
import fc from 'fast-check';

class Fields {
  readonly own = 1;
  get inherited(): number {
    return 2;
  }
}

const thrower = (): never => {
  throw new RangeError('a getter of the caller');
};

function cycle(): object {
  const object: Record<string, unknown> = { list: [1] };
  object['self'] = object;
  return object;
}

function nested(depth: number, isList: boolean): unknown {
  let value: unknown = 'end';
  for (let level = 0; level < depth; level++) value = isList ? [value] : { value };
  return value;
}

/** Created anew for each use, because passing the same object twice is a different case. */
const special = fc.constantFrom<(() => unknown)[]>(
  cycle,
  () => new Fields(),
  () => Object.defineProperty({}, 'fatal', { get: thrower, enumerable: true }),
  () => ({ toJSON: thrower }),
  () => ({ toJSON: () => ({ seen: true }) }),
  () => ({ toJSON: () => 1n }),
  () => ({ toJSON: () => undefined }),
  () => ({ toJSON: 'no function' }),
  () => new Proxy({ a: 1 }, {}),
  () => new Proxy([1, 2], {}),
  () => new Proxy({}, { ownKeys: thrower }),
  () => new Proxy({}, { get: thrower }),
  () => Object.assign(Object.create(null), { bare: true }),
  () => JSON.parse('{"__proto__":{"polluted":true},"constructor":1}'),
  () => new Date(0),
  () => new Date(Number.NaN),
  () => new Map([[1, 2]]),
  () => new Set([1]),
  () => Buffer.from('bytes'),
  () => new Float64Array(2),
  () => Object(1n),
  () => Object('boxed'),
  () => Object(7),
  () => Symbol('s'),
  () => thrower,
  () => new Error('an error'),
  () => /a/g,
  () => new URL('http://example.com'),
  () => Promise.resolve(1),
  () => nested(300, true),
  () => nested(300, false),
  () => '\ud800 lone',
  () => 'x'.repeat(40_000),
  () => -0,
  () => Number.POSITIVE_INFINITY,
  () => 2n ** 80n,
  () => Object.assign(new Array(3), { 1: 'sparse' }),
);

const made = special.map((make) => make());

/** Any value. */
export const anything: fc.Arbitrary<unknown> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.anything({
      withBigInt: true,
      withDate: true,
      withSparseArray: true,
      withNullPrototype: true,
    }),
  },
  { weight: 1, arbitrary: made },
  {
    weight: 1,
    arbitrary: fc.array(fc.oneof(made, fc.bigInt(), fc.string({ unit: 'binary' })), { maxLength: 4 }),
  },
  {
    weight: 2,
    arbitrary: fc.dictionary(fc.oneof(fc.string(), fc.constantFrom('toJSON', '__proto__', 'library', 'category')), fc.oneof(made, fc.jsonValue(), fc.bigInt()), { maxKeys: 5 }), // biome-ignore format: one case
  },
);

/** Returns what JSON makes of a value under a name, with bigints as text. Throws what JSON throws. */
export function asJson(name: string, value: unknown): unknown {
  const text = JSON.stringify({ [name]: value }, (_, each: unknown) =>
    typeof each === 'bigint' || types.isBigIntObject(each) ? String(each) : each,
  );
  return (JSON.parse(text) as Record<string, unknown>)[name];
}
