// What all commands share: exit codes, mistakes in the command line, output, and options with values.
import { ValidationError } from '@offthread/sdk';
import { Command, type CommanderError, InvalidArgumentError } from 'commander';
import { exactly } from './exact-json.js';

/** Exit codes. A shell reports 130 and 143 for a program that a signal ended. */
export const EXIT = { done: 0, failed: 1, usage: 2, SIGINT: 130, SIGTERM: 143 } as const;

/** A mistake in the command line. */
export class UsageError extends Error {}

/** A command. A mistake in its options points to the help and exits with 2. */
export function commandNamed(name: string): Command {
  return new Command(name)
    .showHelpAfterError('Run with --help for the options and arguments.')
    .exitOverride(({ exitCode }: CommanderError) => process.exit(exitCode === 0 ? EXIT.done : EXIT.usage));
}

/** Runs an action and makes its result the exit code. A mistake that the action finds exits with 2 as well. */
export function exitBy<Args extends unknown[]>(action: (...args: Args) => Promise<number>) {
  return async (...args: Args): Promise<void> => {
    try {
      process.exitCode = await action(...args);
    } catch (error) {
      if (!(error instanceof UsageError || error instanceof ValidationError)) throw error;
      complain(`offthread: ${error.message}`);
      process.exitCode = EXIT.usage;
    }
  };
}

/** Writes a line to stderr: for the user, and not part of the results. */
export function complain(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Writes a line of the results to stdout. */
export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** An option's value as a whole number of at least 1. */
export function positive(text: string): number {
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(Number(text)) || Number(text) === 0) {
    throw new InvalidArgumentError('Expected a whole number of at least 1.');
  }
  return Number(text);
}

/** An option's value as a JSON object. */
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
