// Validates the setting `redact`, and parses its paths for the worker's redact-event.ts. Used by settings.ts.
import type { Path, Redaction } from '@offthread/worker/protocol';
import { show, ValidationError } from '../errors.js';
import { plainFields } from '../input/fields.js';
import { suggest } from '../input/suggest.js';

/**
 * What to remove or hash in events before they are sent. A path consists of keys separated by dots, and starts with
 * `context`, `traits`, `properties` or `integrations`. `*` matches any key of an object and any index of an array.
 * Escape a dot, a star or a backslash in a key with a backslash.
 */
export type RedactSetting =
  /** Paths to remove. */
  | readonly string[]
  | {
      /** Paths to remove. */
      readonly remove?: readonly string[] | undefined;
      /**
       * Paths of values to replace by a SHA-256 in hexadecimal: the hash of the salt followed by the value, a string as
       * it is and anything else as JSON. `null` is not replaced. `userId`, `anonymousId`, `previousId` and `groupId`
       * are allowed too.
       */
      readonly hash: readonly string[];
      /** A secret of at least 16 characters. Anyone who knows it can find the hashed values by guessing. */
      readonly salt: string;
    }
  | { readonly remove: readonly string[]; readonly hash?: undefined; readonly salt?: undefined };

/** The fields of an event that a path may start with. */
const OBJECTS = ['context', 'traits', 'properties', 'integrations'];
const IDS = ['userId', 'anonymousId', 'previousId', 'groupId'];

/** A shorter salt could be guessed as well. */
const MIN_SALT_LENGTH = 16;

/**
 * Validates the setting and parses its paths. No message shows the salt.
 *
 * @throws {ValidationError} `invalid_setting`, for example for an invalid path or for hashes without a salt.
 */
export function checkRedact(value: unknown, name: string): Redaction {
  if (Array.isArray(value)) return { remove: paths(value, 'remove'), hash: [], salt: '' };
  if (typeof value !== 'object' || value === null) {
    const expected = `Setting '${name}' must be a list of paths like ['context.ip'] or { remove, hash, salt }`;
    throw new ValidationError('invalid_setting', expected, value);
  }
  const given = value as Readonly<Record<string, unknown>>;
  const { remove = [], hash = [], salt = '', ...others } = plainFields(given, ['remove', 'hash', 'salt']);
  for (const other of Object.keys(others)) {
    const hint = suggest(other, ['remove', 'hash', 'salt']);
    throw new ValidationError('invalid_setting', `There is no setting ${show(`${name}.${other}`)}${hint}`);
  }
  const redaction = { remove: paths(remove, 'remove'), hash: paths(hash, 'hash') };
  if (typeof salt === 'string' && (salt.length >= MIN_SALT_LENGTH || redaction.hash.length === 0)) {
    return { ...redaction, salt };
  }
  const expected = `Setting '${name}' needs a secret of at least ${MIN_SALT_LENGTH} characters as the salt for its hashes`;
  throw new ValidationError('invalid_setting', expected);
}

function paths(list: unknown, action: 'remove' | 'hash'): Path[] {
  if (!Array.isArray(list)) {
    throw new ValidationError('invalid_setting', "Setting 'redact' must have its paths in an array", list);
  }
  // Array.from() also visits holes, which map() would skip.
  return Array.from(list, (path) => parse(path, action));
}

// Keys are separated by dots, and a backslash escapes the next character.
const KEY = /(?:\\.|[^.\\])+/gs;
const PATH = new RegExp(`^${KEY.source}(?:\\.${KEY.source})*$`, 's');

/** The regular expressions use stack in proportion to the length. */
const MAX_PATH_LENGTH = 10_000;

function parse(path: unknown, action: 'remove' | 'hash'): Path {
  const refuse = (reason: string): never => {
    throw new ValidationError(
      'invalid_setting',
      `Setting 'redact' has an invalid path, ${show(path)}: ${reason}`,
    );
  };
  if (typeof path === 'string' && path.length > MAX_PATH_LENGTH) {
    return refuse(`it has more than ${MAX_PATH_LENGTH} characters`);
  }
  if (typeof path !== 'string' || !PATH.test(path)) {
    return refuse('it must be keys separated by dots');
  }
  const [field = '', ...inner] = path.match(KEY) ?? [];
  if (IDS.includes(field)) {
    if (inner.length > 0) return refuse('an id has no keys');
    if (action === 'remove') return refuse('an id can be hashed, but not removed, because events require it');
  } else if (!OBJECTS.includes(field)) {
    const expected = 'it must start with context, traits, properties or integrations';
    return refuse(expected + suggest(field, OBJECTS));
  } else if (action === 'hash' && inner.length === 0) {
    return refuse('the API requires an object here; hash keys of it instead');
  }
  return [field, ...inner.map((step) => (step === '*' ? null : step.replaceAll(/\\(.)/gs, '$1')))];
}
