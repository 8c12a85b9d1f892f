// Creates commands that end with exit code 2 if they are used incorrectly.
import { Command, type CommanderError } from 'commander';
import { SettingsError } from '../settings/option.js';

/** Exit codes. */
export const EXIT = { done: 0, failed: 1, usage: 2 } as const;

/**
 * Creates a command that answers a mistake with a pointer to its help and exit code 2.
 *
 * @param name all of it, like `offthread-relay dead ls`.
 */
export function commandNamed(name: string): Command {
  return new Command(name.split(' ').at(-1))
    .configureOutput({
      outputError: (text, write) => write(text.replace(/^error: /, 'offthread-relay: ')),
    })
    .showHelpAfterError(`See \`${name} --help\`.`)
    .hook('preSubcommand', (_, command) => passOptions(command))
    .exitOverride(({ exitCode }: CommanderError) => process.exit(exitCode === 0 ? EXIT.done : EXIT.usage));
}

/** Has options before the name of a command count like those after it. Refuses those that would do nothing there. */
function passOptions(command: Command): void {
  const from = command.parent;
  // The parent has got those of its own parent already.
  for (const option of from?.options ?? []) {
    const name = option.attributeName();
    if (from?.getOptionValueSource(name) !== 'cli') continue;
    if (!command.options.some((own) => own.attributeName() === name))
      command.error(`error: '${option.long}' is not an option of ${command.name()}`);
    command.setOptionValueWithSource(name, from.getOptionValue(name), 'cli');
  }
}

/** Runs an action and uses its result as the exit code. */
export function exitBy<Args extends unknown[]>(action: (...args: Args) => Promise<number>) {
  return async (...args: Args): Promise<void> => {
    try {
      process.exitCode = await action(...args);
    } catch (error) {
      complain(messageOf(error));
      process.exitCode = error instanceof SettingsError ? EXIT.usage : EXIT.failed;
    }
  };
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Writes a message for the user to stderr. */
export function complain(message: string): void {
  process.stderr.write(`offthread-relay: ${printable(message)}\n`);
}

/** Writes a line of the result. */
export function print(line: string): void {
  process.stdout.write(`${printable(line)}\n`);
}

/** Escapes what events may contain and could act on the terminal: control characters, and half a character. */
function printable(text: string): string {
  return text.replace(
    // biome-ignore lint/suspicious/noControlCharactersInRegex: this expression is about them.
    /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
