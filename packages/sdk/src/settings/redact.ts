// The setting `redact` -> paths for the worker's redact-event.ts, or a ValidationError. Used by settings.ts.
import type { Path, Redaction } from '@offthread/worker/protocol';
import { show, ValidationError } from '../errors.js';
import { plainFields } from '../input/fields.js';
import { suggest } from '../input/suggest.js';

/**
 * What is taken out of events before they are sent. A path is keys with dots between, and begins with `context`,
 * `traits`, `properties` or `integrations`; `*` is any key of an object or any index of an array. A key with a dot, a
 * star or a backslash in it has a backslash before that.
 */
export type RedactSetting =
  /** Paths of what is left out. */
  | readonly string[]
  | {
      /** Paths of what is left out. */
      readonly remove?: readonly string[] | undefined;
      /**
       * Paths of what is replaced by its SHA-256, in hexadecimal: of the salt, followed by a string as it is or by
       * anything else as JSON. `null` stays. Also `userId`, `anonymousId`, `previousId` and `groupId`.
       */
      readonly hash: readonly string[];
      /** A secret, at least 16 characters: whoever knows it finds out by trying what was hashed. */
      readonly salt: string;
    }
  | { readonly remove: readonly string[]; readonly hash?: undefined; readonly salt?: undefined };

/** Fields of an event in which a path may begin. */
const OBJECTS = ['context', 'traits', 'properties', 'integrations'];
const IDS = ['userId', 'anonymousId', 'previousId', 'groupId'];

/** Below that a salt can be found by trying as well. */
const MIN_SALT_LENGTH = 16;

/**
 * Checks the setting. No message shows the salt.
 *
 * @throws {ValidationError} `invalid_setting`, for a path that leads nowhere, and for a hash without a salt.
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
    throw new ValidationError('invalid_setting', `Setting '${name}' has no ${show(other)}${hint}`);
  }
  const redaction = { remove: paths(remove, 'remove'), hash: paths(hash, 'hash') };
  if (typeof salt === 'string' && (salt.length >= MIN_SALT_LENGTH || redaction.hash.length === 0)) {
    return { ...redaction, salt };
  }
  const expected = `Setting '${name}' needs for its hash as salt a secret of at least ${MIN_SALT_LENGTH} characters`;
  throw new ValidationError('invalid_setting', expected);
}

function paths(list: unknown, action: 'remove' | 'hash'): Path[] {
  if (!Array.isArray(list)) {
    throw new ValidationError('invalid_setting', "Setting 'redact' takes paths as a list", list);
  }
  // Unlike map(), holes too, which would reach the worker.
  return Array.from(list, (path) => parse(path, action));
}

// Dots are between keys, and a backslash takes its meaning from what follows.
const KEY = /(?:\\.|[^.\\])+/gs;
const PATH = new RegExp(`^${KEY.source}(?:\\.${KEY.source})*$`, 's');

/** The regular expressions need a stack in proportion. */
const MAX_PATH_LENGTH = 10_000;

function parse(path: unknown, action: 'remove' | 'hash'): Path {
  const refuse = (reason: string): never => {
    throw new ValidationError('invalid_setting', `Setting 'redact' has a bad path, ${show(path)}: ${reason}`);
  };
  if (typeof path === 'string' && path.length > MAX_PATH_LENGTH) {
    return refuse(`it has more than ${MAX_PATH_LENGTH} characters`);
  }
  if (typeof path !== 'string' || !PATH.test(path)) {
    return refuse('it must be keys with a dot between each two of them');
  }
  const [field = '', ...inner] = path.match(KEY) ?? [];
  if (IDS.includes(field)) {
    if (inner.length > 0) return refuse('there is nothing within an id');
    if (action === 'remove') return refuse('an id can be hashed only; without it nobody did it');
  } else if (!OBJECTS.includes(field)) {
    const expected = 'it must begin with context, traits, properties or integrations';
    return refuse(expected + suggest(field, OBJECTS));
  } else if (action === 'hash' && inner.length === 0) {
    return refuse('the API takes no text in place of an object; name what is in it');
  }
  return [field, ...inner.map((step) => (step === '*' ? null : step.replaceAll(/\\(.)/gs, '$1')))];
}
