// In: the JSON text of an event. Out: its value, with every number digit for digit as it was sent. Next: tree-lines.ts.

/** A number that JavaScript would write otherwise than it was sent: 12345678901234567890 or 39.90. */
export class ExactNumber {
  readonly digits: string;

  constructor(digits: string) {
    this.digits = digits;
  }
}

/** Parses JSON. Where the browser does not tell a number's source text, it is rounded as ever. */
export function parseExact(text: string): unknown {
  return JSON.parse(text, (_key, value: unknown, context?: { source?: string }) => {
    const source = context?.source;
    return typeof value === 'number' && source !== undefined && source !== String(value)
      ? new ExactNumber(source)
      : value;
  });
}

/** Writes JSON on several lines, exact numbers in their own digits. */
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
