// Validates the setting `oauth`, and prepares it for the worker. Used by settings.ts.
import type { KeyObject } from 'node:crypto';
import * as types from 'node:util/types';
import type { OAuthSettings } from '@offthread/worker/protocol';
import { conceal, show, ValidationError } from '../errors.js';
import { plainFields } from '../input/fields.js';
import { suggest } from '../input/suggest.js';
import { normalizeAddress } from './address.js';

/**
 * An OAuth app of your workspace, used to get access tokens for the Tracking API.
 * Source: https://www.twilio.com/docs/segment/connections/oauth
 */
export interface OAuth {
  /** The app's id. */
  readonly clientId: string;
  /** The private key for a public key of the app: RSA of at least 2,048 bits, in PEM, without a passphrase. */
  readonly clientKey: string | Buffer;
  /** The id of that public key in the app. */
  readonly keyId: string;
  /**
   * The address of the token server, without the path `/token`. Plain `http:` is allowed on loopback only, unless
   * `allowInsecureHost` is set. Default: the token server of the region that the events are sent to.
   */
  readonly authServer?: string | undefined;
  /** The scope of the tokens. Default: `'tracking_api:write'`. */
  readonly scope?: string | undefined;
}

/** A token is valid only in the region of its server. */
const AUTH_SERVERS = { us: 'https://oauth2.segment.io', eu: 'https://oauth2.eu1.segmentapis.com' } as const;

const AUTH_SERVER = {
  name: 'oauth.authServer',
  example: AUTH_SERVERS.us,
  exposes: 'your access tokens',
};

const NAMES: readonly (keyof OAuth)[] = ['clientId', 'clientKey', 'keyId', 'authServer', 'scope'];

/** The minimum size of an RSA key for RS256 in bits. Source: https://www.rfc-editor.org/rfc/rfc7518#section-3.3 */
const MIN_BITS = 2_048;

/**
 * Validates the setting and fills in the defaults. `proxyTo` returns the proxy for a URL.
 *
 * @throws {ValidationError} `invalid_setting`. The message doesn't show the value, which may be the private key.
 */
export function resolveOAuth(
  given: object,
  region: 'us' | 'eu',
  allowInsecureHost: boolean,
  proxyTo: (url: string) => string | undefined,
): OAuthSettings {
  for (const name of Object.keys(given)) {
    if (NAMES.some((each) => each === name)) continue;
    throw mistake(`There is no setting ${show(`oauth.${name}`)}${suggest(name, NAMES)}`);
  }
  const plain: Partial<Record<keyof OAuth, unknown>> = plainFields(given, NAMES);
  const { clientId, clientKey, keyId, authServer, scope } = plain;
  const server =
    authServer === undefined
      ? AUTH_SERVERS[region]
      : normalizeAddress(text(authServer, 'authServer', 'an address'), AUTH_SERVER, allowInsecureHost);
  return {
    clientId: text(clientId, 'clientId', 'the id of your OAuth app'),
    clientKey: privateKey(clientKey),
    keyId: text(keyId, 'keyId', 'the id of the public key in your OAuth app'),
    authServer: server,
    proxy: proxyTo(server),
    scope:
      scope === undefined ? 'tracking_api:write' : text(scope, 'scope', "a scope like 'tracking_api:write'"),
  };
}

function text(value: unknown, name: keyof OAuth, meaning: string): string {
  // Longer text, or text with line breaks, may be the private key in the wrong place, and the message for an invalid
  // address shows it.
  const isText = typeof value === 'string' && value.trim() !== '' && /^.{1,1000}$/.test(value);
  if (isText) return value;
  const expected = `${meaning}, a string of at most 1,000 characters on one line`;
  throw mistake(`Setting 'oauth.${name}' must be ${expected}; got ${conceal(value)}`);
}

/** Parses the key here, so that the caller gets the error. A KeyObject doesn't reveal the key when it is logged. */
function privateKey(value: unknown): KeyObject {
  const fault = (what: string): ValidationError => {
    const expected = `an RSA private key of at least ${MIN_BITS} bits in PEM ('-----BEGIN PRIVATE KEY-----'), without a passphrase`;
    return mistake(`Setting 'oauth.clientKey' must be ${expected}; got ${what}`);
  };
  const pem = types.isUint8Array(value) ? Buffer.from(value).toString('latin1') : value;
  if (typeof pem !== 'string' || pem.trim() === '') throw fault(conceal(pem));
  let key: KeyObject;
  try {
    // Environment variables often have \n for line breaks. PEM has no backslashes otherwise.
    key = process.getBuiltinModule('node:crypto').createPrivateKey(pem.replaceAll('\\n', '\n'));
  } catch {
    if (/-----BEGIN (RSA )?PUBLIC KEY-----/.test(pem)) throw fault('a public key');
    if (/ENCRYPTED/.test(pem)) throw fault('a key with a passphrase');
    throw fault('a string that is not a private key');
  }
  if (key.asymmetricKeyType !== 'rsa') throw fault(`a key of type ${key.asymmetricKeyType}`);
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
  if (bits < MIN_BITS) throw fault(`a key of ${bits} bits`);
  return key;
}

function mistake(message: string): ValidationError {
  return new ValidationError('invalid_setting', message);
}
