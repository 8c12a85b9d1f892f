// Puts whole numbers that `JSON.parse` would round into quotes.

const STRING_OR_NUMBER = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
const WHOLE = /^-?\d+$/;

/**
 * Puts whole numbers beyond 2^53 into quotes, as the SDK does with a BigInt. `JSON.parse` would round them, and nobody
 * would notice that an id or an amount has changed.
 */
export function exactly(json: string): string {
  if (!/\d{16}/.test(json)) return json;
  return json.replace(STRING_OR_NUMBER, (token) =>
    WHOLE.test(token) && !Number.isSafeInteger(Number(token)) ? `"${token}"` : token,
  );
}
