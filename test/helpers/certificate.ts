// Creates certificates as PEM, self-signed or signed by a CA. They are generated, so that the repository contains no
// keys.
import { generateKeyPairSync, sign } from 'node:crypto';

/** A private key and its certificate, both as PEM. */
export interface Certificate {
  key: string;
  cert: string;
}

const ECDSA_WITH_SHA256 = sequence(tagged(0x06, Buffer.from('2a8648ce3d040302', 'hex')));
const COMMON_NAME = tagged(0x06, Buffer.from('550403', 'hex'));
const BASIC_CONSTRAINTS = tagged(0x06, Buffer.from('551d13', 'hex'));
const SUBJECT_ALT_NAME = tagged(0x06, Buffer.from('551d11', 'hex'));
const TRUE = tagged(0x01, Buffer.from([0xff]));
const DAY_MS = 86_400_000;

/** The contents of a certificate. */
export interface CertificateOptions {
  /** Its only subject alternative name. Default: 127.0.0.1 and localhost. */
  host?: string;
  /** The common name. Default: localhost. */
  name?: string;
  /** The CA that signs it. Default: self-signed. */
  issuer?: Certificate & { name: string };
  /** Whether it is a CA. Default: false. */
  isAuthority?: boolean;
  /** Default: two days ago, or two days before `validUntil` if that is in the past. */
  validFrom?: Date;
  /** Default: tomorrow. */
  validUntil?: Date;
}

/** Creates a CA that nothing trusts. */
export function authority(name: string): Certificate & { name: string } {
  return { name, ...selfSigned({ name, isAuthority: true }) };
}

/** Creates a self-signed certificate, or one signed by `issuer`. */
export function selfSigned(options: CertificateOptions = {}): Certificate {
  const { host, name = 'localhost', issuer, isAuthority = false } = options;
  const { validUntil = new Date(Date.now() + DAY_MS) } = options;
  const { validFrom = new Date(Math.min(validUntil.getTime(), Date.now()) - 2 * DAY_MS) } = options;
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const names =
    host === undefined
      ? sequence(tagged(0x82, Buffer.from('localhost')), tagged(0x87, Buffer.from([127, 0, 0, 1])))
      : sequence(tagged(0x82, Buffer.from(host)));
  const toBeSigned = sequence(
    tagged(0xa0, tagged(0x02, Buffer.from([2]))), // X.509 version 3
    tagged(0x02, Buffer.from([1])), // serial number
    ECDSA_WITH_SHA256,
    distinguished(issuer?.name ?? name),
    sequence(time(validFrom), time(validUntil)),
    distinguished(name),
    publicKey.export({ type: 'spki', format: 'der' }),
    tagged(
      0xa3,
      sequence(
        sequence(SUBJECT_ALT_NAME, tagged(0x04, names)),
        ...(isAuthority ? [sequence(BASIC_CONSTRAINTS, tagged(0x04, sequence(TRUE)))] : []),
      ),
    ),
  );
  const signature = tagged(0x03, Buffer.from([0]), sign('sha256', toBeSigned, issuer?.key ?? privateKey));
  const der = sequence(toBeSigned, ECDSA_WITH_SHA256, signature);
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    cert: ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n'),
  };
}

/** Encodes one DER element. */
function tagged(tag: number, ...parts: Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

function sequence(...parts: Buffer[]): Buffer {
  return tagged(0x30, ...parts);
}

function distinguished(name: string): Buffer {
  return sequence(tagged(0x31, sequence(COMMON_NAME, tagged(0x0c, Buffer.from(name)))));
}

function time(date: Date): Buffer {
  return tagged(0x17, Buffer.from(`${date.toISOString().slice(2, 19).replace(/[-T:]/g, '')}Z`));
}
