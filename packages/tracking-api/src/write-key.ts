// The write key of a request, and whether it is taken.
import type { Refusal } from './refusal.js';

/** The write keys that are taken, as a list or as a function that tells. */
export type KnownWriteKeys = readonly string[] | ((writeKey: string) => boolean);

/**
 * The write key in a Basic `authorization` header: the user name, with or without the colon behind it. `null` when the
 * header is missing, of another scheme like Bearer, without a user name, or has a password: then the body has the key.
 */
export function writeKeyOf(authorization: string | undefined): string | null {
  const encoded = /^basic +([a-z0-9+/_-]+=*)$/i.exec(authorization ?? '')?.[1];
  if (encoded === undefined) return null;
  const decoded = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = decoded.indexOf(':');
  const writeKey = colon === -1 ? decoded : decoded.slice(0, colon);
  const password = colon === -1 ? '' : decoded.slice(colon + 1);
  return writeKey === '' || password !== '' ? null : writeKey;
}

/** Why a request with this write key is refused; `null` when it is not. Without known keys, every one is taken. */
export function authorize(writeKey: string | null, known?: KnownWriteKeys | undefined): Refusal | null {
  if (writeKey === null) {
    return unauthorized(
      'no write key: expected it as user name of Basic authentication with an empty password, or as writeKey in the body',
    );
  }
  const isKnown = typeof known === 'function' ? known(writeKey) : (known?.includes(writeKey) ?? true);
  return isKnown ? null : unauthorized('this write key is not known here');
}

function unauthorized(message: string): Refusal {
  return { status: 401, code: 'unauthorized', message };
}
