// Checks the setting `spool` and fills in its defaults. Used by settings.ts.
import { accessSync, constants, mkdirSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import type { SpoolLimits } from '@offthread/worker/protocol';
import { show, ValidationError } from '../errors.js';
import { field } from '../input/fields.js';
import { suggest } from '../input/suggest.js';
import { type Check, flag, integer, MAX_TIMER } from './checks.js';

/** The setting `spool`, unless it is only the path of a directory. */
export interface SpoolSettings {
  /** Directory for the events. It is created if it doesn't exist, but its parent must exist. Processes may share it. */
  readonly directory: string;
  /** Maximum number of bytes on disk per write key. Further events are refused. At least 16 MB. Default: 1 GiB. */
  readonly maxBytes?: number | undefined;
  /** Milliseconds after which an unsent event is given up. Default: 604,800,000 (7 days). */
  readonly maxAge?: number | undefined;
  /**
   * Milliseconds between syncs. A power loss loses at most the events of that time. 0 syncs each write. Default: 500.
   */
  readonly syncInterval?: number | undefined;
  /**
   * Writes each event before the call returns, so that no accepted event is lost even if the process is killed at once.
   * A call returns false if that fails. Can't be combined with `redact`. Default: false.
   */
  readonly strict?: boolean | undefined;
}

/** The setting with all defaults filled in. */
export type Spool = SpoolLimits;

/** Two segments. With only one, nothing could be written while it is sent. */
const MIN_BYTES = 16 * 1024 * 1024;

const NAMES = ['directory', 'maxBytes', 'maxAge', 'syncInterval', 'strict'];

/** @throws {ValidationError} `invalid_setting` */
export function checkSpool(value: unknown, name: string): Spool {
  const given = typeof value === 'string' ? { directory: value } : value;
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    const expected = `Setting '${name}' must be the path of a directory, or an object like { directory: '/var/lib/shop/analytics' }`;
    throw new ValidationError('invalid_setting', expected, value);
  }
  for (const key of Object.keys(given)) {
    if (NAMES.includes(key)) continue;
    throw new ValidationError(
      'invalid_setting',
      `There is no setting ${show(`${name}.${key}`)}${suggest(key, NAMES)}`,
    );
  }
  const directory = field(given, 'directory');
  if (typeof directory !== 'string' || directory.trim() === '' || directory.includes('\0')) {
    const expected = `Setting '${name}.directory' must be the path of a directory, a non-empty string`;
    throw new ValidationError('invalid_setting', expected, directory);
  }
  const settings: object = given;
  const numberAt = (key: string, check: Check<number>, fallback: number): number => {
    const number = field(settings, key);
    return number === undefined ? fallback : check(number, `${name}.${key}`);
  };
  return {
    directory: resolve(directory),
    maxBytes: numberAt('maxBytes', integer(MIN_BYTES), 1024 ** 3),
    maxAge: numberAt('maxAge', integer(1), 604_800_000),
    syncInterval: numberAt('syncInterval', integer(0, MAX_TIMER), 500),
    strict: flag(field(given, 'strict') ?? false, `${name}.strict`),
  };
}

/**
 * Creates the directory if needed, and checks that this process can write to it. Only called when a client is created,
 * because `doctor` and others resolve settings that they don't use.
 *
 * @throws {ValidationError} `invalid_setting`
 */
export function prepareSpool({ directory }: Spool): void {
  try {
    makeDirectory(directory);
    if (!statSync(directory).isDirectory()) throw new Error('it is a file');
    accessSync(directory, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const expected = `Setting 'spool' must name a directory that this process can write to; '${directory}' can't be used: ${reason}`;
    const error = new ValidationError('invalid_setting', expected);
    error.cause = cause;
    throw error;
  }
}

/** Doesn't create the parents. A missing parent is an unmounted volume or a typing error. */
function makeDirectory(path: string): void {
  try {
    mkdirSync(path, 0o700);
  } catch (error) {
    if (Object(error).code !== 'EEXIST') throw error;
  }
}
