// Validates the setting `tls`, including with OpenSSL. Used by settings.ts.
import * as types from 'node:util/types';
import type { Tls } from '@offthread/worker/protocol';
import { show, ValidationError } from '../errors.js';
import { plainFields } from '../input/fields.js';
import { isPlainObject } from '../input/is-plain-object.js';

/** Trusted authorities and the client certificate. Each is PEM as a string or Buffer, and not the name of a file. */
export interface TlsSettings {
  /** Certificates of authorities to trust, for the API and the proxy, instead of those that Node.js trusts. */
  readonly ca?: string | Buffer | readonly (string | Buffer)[] | undefined;
  /** The client certificate, followed by its intermediate certificates, if the server requires one (mTLS). */
  readonly cert?: string | Buffer | undefined;
  /** The private key for `cert`, not encrypted. */
  readonly key?: string | Buffer | undefined;
}

const NAMES = ['ca', 'cert', 'key'];

/** Validates the setting. No message shows a value. */
export function tls(value: unknown, name: string): Tls {
  if (!isPlainObject(value)) {
    const expected = `Setting '${name}' must be a plain object like { ca, cert, key }`;
    throw new ValidationError('invalid_setting', expected);
  }
  for (const each of Object.keys(value)) {
    if (NAMES.includes(each)) continue;
    const reason = each === 'rejectUnauthorized' ? ': certificates are always verified; use tls.ca' : '';
    throw new ValidationError('invalid_setting', `There is no setting ${show(`${name}.${each}`)}${reason}`);
  }
  const { ca, cert, key } = plainFields(value, NAMES);
  const authorities =
    ca === undefined ? undefined : [ca].flat().flatMap((each) => certificates(each, `${name}.ca`));
  if (authorities?.length === 0) refuse(`${name}.ca`, 'at least one certificate in PEM');
  if ((cert === undefined) !== (key === undefined)) {
    throw new ValidationError(
      'invalid_setting',
      `Settings '${name}.cert' and '${name}.key' must be set together`,
    );
  }
  const checked: Tls = {
    ca: authorities,
    cert: cert === undefined ? undefined : certificates(cert, `${name}.cert`).join('\n'),
    key: key === undefined ? undefined : privateKey(key, `${name}.key`),
  };
  try {
    // Checked here, because the worker can't throw to the caller. The key may belong to another certificate, or be too
    // short. node:tls is loaded here, because the main thread doesn't use it otherwise.
    process.getBuiltinModule('node:tls').createSecureContext({ ...checked, ca: authorities });
  } catch (error) {
    const reason = types.isNativeError(error) && 'code' in error ? error.code : 'unknown';
    throw new ValidationError('invalid_setting', `Setting '${name}' was rejected by OpenSSL: ${reason}`);
  }
  return checked;
}

/** Splits a text into its certificates. */
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
    refuse(name, 'an unencrypted private key in PEM');
  }
  return text;
}

/** The value as text. Empty if it is neither a string nor a Buffer. */
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
