// Normalizes the addresses of servers in settings. Used by settings.ts and oauth.ts.
import { ValidationError } from '../errors.js';

/** A setting that is an address. */
interface AddressSetting {
  readonly name: string;
  readonly example: string;
  /** What plain `http:` would expose on the network. */
  readonly exposes: string;
}

const HOST = { name: 'host', example: 'https://api.segment.io', exposes: 'the write key and events' };

/**
 * Returns the API's address as `https://host[/base]`. Accepts a bare host, and a URL with a trailing slash or `/v1`.
 */
export function normalizeHost(host: string, allowInsecure: boolean): string {
  return normalizeAddress(host, HOST, allowInsecure).replace(/\/v1$/, '');
}

/** Returns an address as `https://host[/base]`. Accepts a bare host, and a URL with a trailing slash. */
export function normalizeAddress(host: string, setting: AddressSetting, allowInsecure: boolean): string {
  const { name, example, exposes } = setting;
  const expected = `Setting '${name}' must be a host or an http(s) URL like '${example}'`;
  const trimmed = host.trim();
  let url: URL;
  try {
    const scheme = /^[a-z][a-z0-9+.-]*:\/\//i.test(trimmed)
      ? ''
      : isLoopback(`http://${trimmed}`)
        ? 'http://'
        : 'https://';
    url = new URL(scheme + trimmed);
  } catch {
    // The part before the @ may be the write key.
    if (host.includes('@')) throw new ValidationError('invalid_setting', expected);
    throw new ValidationError('invalid_setting', expected, host);
  }
  // Checked before any message that shows the host, because one of these may be the write key.
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    const message = `Setting '${name}' must not contain a user name, password, query or fragment`;
    throw new ValidationError('invalid_setting', message);
  }
  if (url.protocol !== 'https:' && url.protocol !== 'http:')
    throw new ValidationError('invalid_setting', expected, host);
  if (url.protocol === 'http:' && !allowInsecure && !isLoopback(url.href)) {
    const message = `Setting '${name}' must use https:, because anyone on the network could read ${exposes}; set allowInsecureHost to allow http:`;
    throw new ValidationError('invalid_setting', message, host);
  }
  return url.origin + url.pathname.replace(/\/+$/, '');
}

/** Whether a URL has a loopback address. */
export function isLoopback(url: string): boolean {
  const { hostname } = new URL(url);
  return /^(localhost|.+\.localhost|127(\.\d+){3}|\[::1\])$/.test(hostname);
}
