// Reads the write key of a request, and decides whether it is accepted.
import type { Refusal } from './refusal.js';

/** The accepted write keys, as a list or as a function that decides. */
export type KnownWriteKeys = readonly string[] | ((writeKey: string) => boolean);

/**
 * Returns the write key in a Basic `authorization` header: the user name, with or without a colon after it. Returns
 * `null` if the header is missing, uses another scheme like Bearer, or has no user name or a password. The key is then
 * in the body.
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

/**
 * Returns why a request with this write key is refused, or `null` if it isn't. Without known keys, every key is
 * accepted.
 */
export function authorize(writeKey: string | null, known?: KnownWriteKeys | undefined): Refusal | null {
  if (writeKey === null) {
    return unauthorized(
      'no write key: expected it as user name of Basic authentication with an empty password, or as writeKey in the body',
    );
  }
  const isKnown = typeof known === 'function' ? known(writeKey) : (known?.includes(writeKey) ?? true);
  return isKnown ? null : unauthorized('unknown write key: this API does not accept it');
}

function unauthorized(message: string): Refusal {
  return { status: 401, code: 'unauthorized', message };
}
