// Counts the levels of objects and arrays in JSON text.

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/**
 * Most levels of an event. JSON.stringify's own limit depends on the version of Node.js and on the stack, so this is
 * the SDK's limit for events with a BigInt.
 */
export const MAX_LEVELS = 1_024;

/** Whether the text has more levels. */
export function isTooDeep(json: Buffer): boolean {
  // Each level takes two bytes, and most lines are shorter.
  if (json.length <= 2 * MAX_LEVELS) return false;
  let level = 0;
  let isInString = false;
  for (let at = 0; at < json.length; at += 1) {
    const byte = json[at];
    if (byte === QUOTE) isInString = !isInString;
    else if (isInString) at += byte === BACKSLASH ? 1 : 0;
    else if (byte === 0x7b || byte === 0x5b) {
      level += 1;
      if (level > MAX_LEVELS) return true;
    } else if (byte === 0x7d || byte === 0x5d) level -= 1;
  }
  return false;
}
