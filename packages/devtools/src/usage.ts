// Creates commands that end with exit code 2 if they are used incorrectly. Next: the files in commands/.
import { ValidationError } from '@offthread/sdk';
import { Command, type CommanderError, InvalidArgumentError } from 'commander';
import { exactly } from './exact-json.js';
import { withOptionNames } from './option-names.js';
import { complain, printableLines } from './output.js';

/** Exit codes of commands that do work. As in a shell, 129, 130 and 143 mean that a signal ended them. */
export const EXIT = { done: 0, failed: 1, usage: 2, SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

/** A mistake in the command line that the user can correct. */
export class UsageError extends Error {}

/**
 * Creates a command that answers a mistake with a pointer to its help and exit code 2.
 *
 * @param name all of it, like `offthread spool ls`.
 */
export function commandNamed(name: string): Command {
  return new Command(name.split(' ').at(-1))
    .configureOutput({
      writeErr: (text) => void process.stderr.write(printableLines(text)),
      outputError: (text, write) => write(text.replace(/^error: /, 'offthread: ')),
    })
    .showHelpAfterError(`See \`${name} --help\`.`)
    .exitOverride(({ exitCode }: CommanderError) => process.exit(exitCode === 0 ? EXIT.done : EXIT.usage));
}

/** Runs an action and uses its result as the exit code. Handles a mistake like one that the parser finds. */
export function exitBy<Args extends unknown[]>(action: (...args: Args) => Promise<number>) {
  return async (...args: Args): Promise<void> => {
    try {
      process.exitCode = await action(...args);
    } catch (error) {
      if (!(error instanceof UsageError || error instanceof ValidationError)) throw error;
      complain(error instanceof ValidationError ? withOptionNames(error.message) : error.message);
      process.exitCode = EXIT.usage;
    }
  };
}

/** Parses an option's value as a whole number of at least 1. */
export function positive(text: string): number {
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(Number(text)) || Number(text) === 0) {
    throw new InvalidArgumentError('Expected a whole number of at least 1.');
  }
  return Number(text);
}

/** Parses an option's value as a JSON object. */
export function jsonObject(text: string): object {
  let value: unknown;
  try {
    value = JSON.parse(exactly(text));
  } catch (error) {
    throw new InvalidArgumentError(`Expected a JSON object: ${error instanceof Error ? error.message : ''}`);
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  throw new InvalidArgumentError(`Expected a JSON object like '{"revenue": 39.95}'.`);
}
