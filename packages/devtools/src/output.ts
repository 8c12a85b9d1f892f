// In: what a command has to say. Out: lines on stdout and stderr in which nothing steers a terminal. Used by all commands.

/**
 * What events, replies and headers may have in them and no terminal is to act on: C0, DEL and C1, which move the cursor
 * and rewrite what is there, what reorders or breaks lines of text, and halves of characters.
 */
const STEERING =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: it is about them.
  /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

/** Escapes control characters as JSON does, so that JSON stays what it means. */
function printable(text: string): string {
  return text.replace(STEERING, (character) => {
    if (character === '\n') return '\\n';
    return character === '\t' ? '\\t' : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

/** `printable` for text whose line ends are our own. */
export function printableLines(text: string): string {
  return text.split('\n').map(printable).join('\n');
}

/** Writes a line of the result. `painted` goes in front of it as it is, and is ours. */
export function print(line: string, painted = ''): void {
  process.stdout.write(`${painted}${printable(line)}\n`);
}

/** Writes a result for programs. */
export function printJson(value: unknown, indent = 0): void {
  // JSON has escaped line ends within strings already.
  process.stdout.write(`${printableLines(JSON.stringify(value, null, indent))}\n`);
}

/** A line for the person, beside the results. */
export function complaint(message: string): string {
  return `offthread: ${printable(message)}\n`;
}

/** Writes it. */
export function complain(message: string): void {
  process.stderr.write(complaint(message));
}

/** `1 event`, `2,000 events`. */
export function counted(value: number, unit: string): string {
  const whole = Math.round(value);
  return `${whole.toLocaleString('en-US')} ${unit}${whole === 1 ? '' : 's'}`;
}
