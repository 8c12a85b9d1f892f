// In: an `authorization` header. Out: the write key it carries, or that the body has to. Next: ingest.ts refuses a request without one.

/**
 * The write key in a Basic `authorization` header: the user name, with an empty password.
 * `null` when the header is missing, of another scheme, without a user name, or has a password.
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

/** Whether an `authorization` header carries an access token, which is not looked at: the write key is in the body. */
export function hasToken(authorization: string | undefined): boolean {
  return /^bearer +[a-z0-9._~+/-]+=*$/i.test(authorization ?? '');
}
