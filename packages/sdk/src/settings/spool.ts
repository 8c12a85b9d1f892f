// The setting `spool`: where events are kept until they are sent. In: what the caller passed. Out: every default filled in.
// Used by settings.ts.
import { accessSync, constants, mkdirSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { show, ValidationError } from '../errors.js';
import { field } from '../input/fields.js';
import { suggest } from '../input/suggest.js';

/** What `spool` takes, beside the directory alone. */
export interface SpoolSettings {
  /** Where events are kept. Made if it isn't there; its parent must be. Share it between processes as you like. */
  readonly directory: string;
  /** Most bytes on the disk for one write key; beyond them the newest is refused. At least 16 MB. Default: 1 GiB. */
  readonly maxBytes?: number | undefined;
  /** Milliseconds after which an event that can't be sent is given up. Default: 604,800,000 (7 days). */
  readonly maxAge?: number | undefined;
  /** Milliseconds between two syncs, which is what a loss of power may take; 0 syncs each write. Default: 500. */
  readonly syncInterval?: number | undefined;
}

/** With every default filled in. */
export interface Spool {
  readonly directory: string;
  readonly maxBytes: number;
  readonly maxAge: number;
  readonly syncInterval: number;
}

/** Two segments: less could not be written to while one of them is sent. */
const MIN_BYTES = 16 * 1024 * 1024;

/** Node's timers turn anything longer into 1 ms. */
const MAX_TIMER = 2 ** 31 - 1;

const NAMES = ['directory', 'maxBytes', 'maxAge', 'syncInterval'];

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
  return {
    directory: resolve(directory),
    maxBytes: integer(given, name, 'maxBytes', MIN_BYTES, 1024 ** 3),
    maxAge: integer(given, name, 'maxAge', 1, 604_800_000),
    syncInterval: integer(given, name, 'syncInterval', 0, 500, MAX_TIMER),
  };
}

/**
 * Makes the directory if need be, and looks whether this process can write to it. Only when a client is made: `doctor` and
 * others resolve settings that they don't use.
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

/** Not its parents: one that is missing is a volume that isn't mounted, or a typing error. */
function makeDirectory(path: string): void {
  try {
    mkdirSync(path, 0o700);
  } catch (error) {
    if (Object(error).code !== 'EEXIST') throw error;
  }
}

function integer(
  given: object,
  name: string,
  key: string,
  min: number,
  fallback: number,
  max = Number.MAX_SAFE_INTEGER,
): number {
  const value = field(given, key);
  if (value === undefined) return fallback;
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max) return value;
  const range = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`;
  throw new ValidationError(
    'invalid_setting',
    `Setting '${name}.${key}' must be a whole number ${range}`,
    value,
  );
}
