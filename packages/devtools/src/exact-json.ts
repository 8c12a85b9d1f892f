// In: JSON text. Out: JSON text whose numbers JSON.parse does not round. Next: import/format.ts, usage.ts.

const STRING_OR_NUMBER = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
const NUMBER = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;

/** Fewer digits than 16, and an exponent below 100, are no trouble for a double. */
const MAY_BE_ROUNDED = /[\d.]{16}|\d[eE][+-]?\d{3}/;

/** Digits with which programs write doubles, if they do not look for the fewest. */
const PRECISION = 17;

/**
 * Puts numbers that a double cannot hold into quotes, which is what the SDK does with a BigInt: JSON.parse would give a
 * number nearby, and an id or an amount would be another one without anybody noticing.
 */
export function exactly(json: string): string {
  if (!MAY_BE_ROUNDED.test(json)) return json;
  return json.replace(STRING_OR_NUMBER, (token) =>
    token.startsWith('"') || isExact(token) ? token : `"${token}"`,
  );
}

/**
 * Whether a double is what was written: as JSON.stringify writes it, or with up to 17 digits as C, Python 2 and PHP do.
 * What is no JSON, like 007, stays none.
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

/** A number as digits without zeros at either end, and the power of ten of the last one. */
function decimal(token: string): { digits: string; exponent: number } {
  const [, , whole = '', fraction = '', exponent = '0'] = NUMBER.exec(token) ?? [];
  const digits = `${whole}${fraction}`.replace(/^0+/, '');
  const short = digits.replace(/0+$/, '');
  if (short === '') return { digits: '', exponent: 0 };
  return { digits: short, exponent: Number(exponent) - fraction.length + digits.length - short.length };
}
