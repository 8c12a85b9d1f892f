// The certificate of `listen --tls`: made once, kept in the user's cache directory, and replaced when it can't be used.
import { createPrivateKey, randomBytes, X509Certificate } from 'node:crypto';
import { lstat, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { homedir } from 'node:os';
import { join } from 'node:path';

const DAY_MS = 86_400_000;

/** Browsers reject certificates that are valid for longer. */
const VALID_DAYS = 397;

/** Names and addresses that mean this machine. */
const OWN_NAMES = ['localhost', '127.0.0.1', '::1'];

/** A key and its certificate, as PEM texts, and the file of the certificate. */
export interface LocalCertificate {
  key: string;
  cert: string;
  path: string;
}

/**
 * A certificate for this machine and `host`. It is self-signed: a client must be configured to trust the file at
 * `path`. The key is in a file beside it that only its owner can read.
 */
export async function localCertificate(host: string): Promise<LocalCertificate> {
  const directory = cacheDirectory();
  const path = join(directory, 'localhost.pem');
  const keyPath = join(directory, 'localhost.key');
  const kept = await Promise.all([read(keyPath), read(path)]).catch(() => null);
  if (kept !== null && serves(kept[0], kept[1], host)) return { key: kept[0], cert: kept[1], path };
  const made = await make([...new Set([...OWN_NAMES, host])]);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await replace(keyPath, made.key, 0o600);
  await replace(path, made.cert, 0o644);
  return { ...made, path };
}

function cacheDirectory(): string {
  const { LOCALAPPDATA, XDG_CACHE_HOME } = process.env;
  const cache = process.platform === 'win32' ? LOCALAPPDATA : XDG_CACHE_HOME;
  return join(cache || join(homedir(), '.cache'), 'offthread');
}

/** Rejects for a link, because another user may have created it. */
async function read(path: string): Promise<string> {
  const status = await lstat(path);
  if (!status.isFile()) throw new Error(`${path} is not a file`);
  return readFile(path, 'utf8');
}

/** Never writes through a link, and never leaves a partly written file. */
async function replace(path: string, text: string, mode: number): Promise<void> {
  const temporary = `${path}.${randomBytes(6).toString('hex')}`;
  await writeFile(temporary, text, { mode, flag: 'wx' });
  await rename(temporary, path);
}

function serves(key: string, cert: string, host: string): boolean {
  try {
    const certificate = new X509Certificate(cert);
    const isValid = Date.parse(certificate.validTo) > Date.now() + DAY_MS;
    const named = isIP(host) === 0 ? certificate.checkHost(host) : certificate.checkIP(host);
    return isValid && named !== undefined && certificate.checkPrivateKey(createPrivateKey(key));
  } catch {
    return false;
  }
}

async function make(names: string[]): Promise<{ key: string; cert: string }> {
  // Loaded only here, because it takes longer to load than the rest of the command.
  const { generate } = await import('selfsigned');
  // Valid since yesterday, for clients whose clock is behind.
  const notBeforeDate = new Date(Date.now() - DAY_MS);
  const { private: key, cert } = await generate(
    [{ name: 'commonName', value: 'Offthread on this machine' }],
    {
      keyType: 'ec',
      curve: 'P-256',
      algorithm: 'sha256',
      notBeforeDate,
      notAfterDate: new Date(notBeforeDate.getTime() + VALID_DAYS * DAY_MS),
      extensions: [
        // Not an authority: it can't sign certificates for other names.
        { name: 'basicConstraints', cA: false, critical: true },
        { name: 'keyUsage', digitalSignature: true, critical: true },
        { name: 'extKeyUsage', serverAuth: true },
        {
          name: 'subjectAltName',
          altNames: names.map((name) =>
            isIP(name) === 0 ? { type: 2, value: name } : { type: 7, ip: name },
          ),
        },
      ],
    },
  );
  return { key, cert };
}
