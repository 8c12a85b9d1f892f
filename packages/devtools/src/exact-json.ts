// Puts numbers that `JSON.parse` would round into quotes.

const STRING_OR_NUMBER = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
const NUMBER = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;

/** A double holds every number with fewer than 16 digits and an exponent below 100. */
const MAY_BE_ROUNDED = /[\d.]{16}|\d[eE][+-]?\d{3}/;

/** Digits that programs use to write doubles if they don't look for the shortest form. */
const PRECISION = 17;

/**
 * Puts numbers that a double can't hold into quotes, as the SDK does with a BigInt. `JSON.parse` would round them, and
 * a changed id or amount would go unnoticed.
 */
export function exactly(json: string): string {
  if (!MAY_BE_ROUNDED.test(json)) return json;
  return json.replace(STRING_OR_NUMBER, (token) =>
    token.startsWith('"') || isExact(token) ? token : `"${token}"`,
  );
}

/**
 * Whether a double holds the number as it is written: in the form of `JSON.stringify`, or with up to 17 digits, as C,
 * Python 2 and PHP write doubles. Text that isn't JSON, like 007, stays invalid.
 */
function isExact(token: string): boolean {
  const value = Number(token);
  if (/^-?0\d/.test(token)) return true;
  if (/^-?\d+$/.test(token)) return Number.isSafeInteger(value);
  if (!Number.isFinite(value)) return false;
  const written = decimal(token);
  const precision = Math.min(Math.max(written.digits.length, 1), PRECISION);
  return [String(value), value.toPrecision(precision)].map(decimal).some((read) => {
    return written.digits === read.digits && written.exponent === read.exponent;
  });
}

/** A number as digits without zeros at either end, and the power of ten of the last digit. */
function decimal(token: string): { digits: string; exponent: number } {
  const [, , whole = '', fraction = '', exponent = '0'] = NUMBER.exec(token) ?? [];
  const digits = `${whole}${fraction}`.replace(/^0+/, '');
  const short = digits.replace(/0+$/, '');
  if (short === '') return { digits: '', exponent: 0 };
  return { digits: short, exponent: Number(exponent) - fraction.length + digits.length - short.length };
}
