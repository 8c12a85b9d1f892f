// All output of the commands. Escapes control characters, which could otherwise act on the terminal.

/**
 * Characters that events, replies and headers may contain and that must not reach a terminal: C0, DEL and C1, which
 * move the cursor and overwrite text; those that reorder text or break lines; and lone surrogates.
 */
const STEERING =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: this expression is about them.
  /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

/** Escapes control characters as JSON does, so that escaped JSON means the same. */
function printable(text: string): string {
  return text.replace(STEERING, (character) => {
    if (character === '\n') return '\\n';
    return character === '\t' ? '\\t' : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

/** Escapes text that has line breaks of our own. */
export function printableLines(text: string): string {
  return text.split('\n').map(printable).join('\n');
}

/** Writes a line of the result. `painted` is written before it without escaping. */
export function print(line: string, painted = ''): void {
  process.stdout.write(`${painted}${printable(line)}\n`);
}

/** Writes a result for programs. */
export function printJson(value: unknown, indent = 0): void {
  // JSON has escaped the line breaks within strings.
  process.stdout.write(`${printableLines(JSON.stringify(value, null, indent))}\n`);
}

/** A message for the user, as a line of stderr. */
export function complaint(message: string): string {
  return `offthread: ${printable(message)}\n`;
}

/** Writes a message for the user to stderr. */
export function complain(message: string): void {
  process.stderr.write(complaint(message));
}

/** `1 event`, `2,000 events`. */
export function counted(value: number, unit: string): string {
  const whole = Math.round(value);
  return `${whole.toLocaleString('en-US')} ${unit}${whole === 1 ? '' : 's'}`;
}
