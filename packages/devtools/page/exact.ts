// Parses the JSON text of an event and keeps the digits of every number.

/** A number that JavaScript would print differently from how it was sent: 12345678901234567890 or 39.90. */
export class ExactNumber {
  readonly digits: string;

  constructor(digits: string) {
    this.digits = digits;
  }
}

/** Parses JSON. Rounds numbers in browsers that don't provide their source text. */
export function parseExact(text: string): unknown {
  try {
    return JSON.parse(text, exactly);
  } catch {
    return JSON.parse(text); // Nested so deeply that a reviver overflows the stack.
  }
}

function exactly(_key: string, value: unknown, context?: { source?: string }): unknown {
  const source = context?.source;
  const isExact = typeof value !== 'number' || source === undefined || source === String(value);
  return isExact ? value : new ExactNumber(source);
}

/** Formats JSON on several lines, with exact numbers as they were sent. */
export function writeExact(value: unknown, indent = ''): string {
  if (value instanceof ExactNumber) return value.digits;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const inner = `${indent}  `;
  const parts = Array.isArray(value)
    ? value.map((item: unknown) => writeExact(item, inner))
    : Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}: ${writeExact(item, inner)}`);
  const [open, close] = Array.isArray(value) ? '[]' : '{}';
  return parts.length === 0
    ? `${open}${close}`
    : `${open}\n${inner}${parts.join(`,\n${inner}`)}\n${indent}${close}`;
}
