// The certificate of `listen --tls`: made once, kept in the user's cache, and made anew when it no longer serves.
import { createPrivateKey, randomBytes, X509Certificate } from 'node:crypto';
import { lstat, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { homedir } from 'node:os';
import { join } from 'node:path';

const DAY_MS = 86_400_000;

/** Browsers take no certificate that is valid for longer. */
const VALID_DAYS = 397;

/** Names of this machine that only this machine resolves to itself. */
const OWN_NAMES = ['localhost', '127.0.0.1', '::1'];

/** A key and its certificate, as PEM texts, and the file of the certificate. */
export interface LocalCertificate {
  key: string;
  cert: string;
  path: string;
}

/**
 * A certificate for this machine and `host`. It vouches for nothing but itself: a client has to be told to trust the file
 * at `path`. The key lies beside it, readable by its owner only.
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

/** Rejects for a link, which somebody else may have put there. */
async function read(path: string): Promise<string> {
  const status = await lstat(path);
  if (!status.isFile()) throw new Error(`${path} is not a file`);
  return readFile(path, 'utf8');
}

/** Never writes through a link, and leaves no file half written. */
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
  // Only now: it takes longer to load than everything else of the command.
  const { generate } = await import('selfsigned');
  // A clock that is a little behind must not find it not valid yet.
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
        // No authority: who trusts it trusts these names only.
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
