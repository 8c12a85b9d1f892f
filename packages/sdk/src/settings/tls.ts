// The setting `tls` -> PEM texts of which OpenSSL has taken each, or a ValidationError. Used by settings.ts.
import * as types from 'node:util/types';
import type { Tls } from '@offthread/worker/protocol';
import { show, ValidationError } from '../errors.js';
import { plainFields } from '../input/fields.js';
import { isPlainObject } from '../input/is-plain-object.js';

/** Who is trusted, and who we are. What is a file is read by the caller; each is PEM, as text or Buffer. */
export interface TlsSettings {
  /** Authorities whose certificates are trusted, of API and proxy, instead of those that Node.js trusts. */
  readonly ca?: string | Buffer | readonly (string | Buffer)[] | undefined;
  /** Our certificate, with those between it and its authority behind it, where the API asks for one (mTLS). */
  readonly cert?: string | Buffer | undefined;
  /** The private key of `cert`, not encrypted. */
  readonly key?: string | Buffer | undefined;
}

const NAMES = ['ca', 'cert', 'key'];

/** Checks the setting. No message shows what was given. */
export function tls(value: unknown, name: string): Tls {
  if (!isPlainObject(value)) {
    const expected = `Setting '${name}' must be a plain object like { ca, cert, key }`;
    throw new ValidationError('invalid_setting', expected);
  }
  for (const each of Object.keys(value)) {
    if (NAMES.includes(each)) continue;
    const reason = each === 'rejectUnauthorized' ? ': who the API is, is always checked; see tls.ca' : '';
    throw new ValidationError('invalid_setting', `There is no setting ${show(`${name}.${each}`)}${reason}`);
  }
  const { ca, cert, key } = plainFields(value, NAMES);
  const authorities =
    ca === undefined ? undefined : [ca].flat().flatMap((each) => certificates(each, `${name}.ca`));
  if (authorities?.length === 0) refuse(`${name}.ca`, 'certificates in PEM, at least one');
  if ((cert === undefined) !== (key === undefined)) {
    throw new ValidationError('invalid_setting', `Settings '${name}.cert' and '${name}.key' go together`);
  }
  const checked: Tls = {
    ca: authorities,
    cert: cert === undefined ? undefined : certificates(cert, `${name}.cert`).join('\n'),
    key: key === undefined ? undefined : privateKey(key, `${name}.key`),
  };
  try {
    // What the worker will do, which has nobody to tell: a key may be of another certificate, or too short.
    // Loaded here, because main has no other use for it.
    process.getBuiltinModule('node:tls').createSecureContext({ ...checked, ca: authorities });
  } catch (error) {
    const reason = types.isNativeError(error) && 'code' in error ? error.code : 'unknown';
    throw new ValidationError('invalid_setting', `Setting '${name}' is refused by OpenSSL: ${reason}`);
  }
  return checked;
}

/** The certificates in a text, each by itself. */
function certificates(value: unknown, name: string): string[] {
  const found = pem(value).match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  if (found.length === 0 || !found.every(isCertificate)) refuse(name, 'a certificate in PEM');
  return found;
}

function isCertificate(text: string): boolean {
  try {
    const { X509Certificate } = process.getBuiltinModule('node:crypto');
    return new X509Certificate(text).raw.length > 0;
  } catch {
    return false;
  }
}

function privateKey(value: unknown, name: string): string {
  const text = pem(value);
  try {
    process.getBuiltinModule('node:crypto').createPrivateKey(text);
  } catch {
    refuse(name, 'a private key in PEM, not encrypted');
  }
  return text;
}

/** The text, or nothing where there is none. */
function pem(value: unknown): string {
  if (typeof value === 'string') return value;
  return types.isUint8Array(value) ? Buffer.from(value).toString('latin1') : '';
}

function refuse(name: string, expected: string): never {
  throw new ValidationError(
    'invalid_setting',
    `Setting '${name}' must be ${expected}, as a string or a Buffer`,
  );
}
