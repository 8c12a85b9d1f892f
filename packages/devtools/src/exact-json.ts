// In: JSON text. Out: JSON text whose numbers JSON.parse does not round. Next: import/event-line.ts, usage.ts.

const STRING_OR_NUMBER = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
const WHOLE = /^-?\d+$/;

/**
 * Puts whole numbers beyond 2^53 into quotes, which is what the SDK does with a BigInt: JSON.parse would give a
 * number nearby, and an id or an amount would be another one without anybody noticing.
 */
export function exactly(json: string): string {
  if (!/\d{16}/.test(json)) return json;
  return json.replace(STRING_OR_NUMBER, (token) =>
    WHOLE.test(token) && !Number.isSafeInteger(Number(token)) ? `"${token}"` : token,
  );
}
