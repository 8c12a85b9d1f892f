// What was pasted as the address of a server -> where it is, or a ValidationError. Used by settings.ts and
// oauth.ts.
import { ValidationError } from '../errors.js';

/** A setting that is an address. */
interface AddressSetting {
  readonly name: string;
  readonly example: string;
  /** What plain `http:` would show to anybody. */
  readonly exposes: string;
}

const HOST = { name: 'host', example: 'https://api.segment.io', exposes: 'write key and events' };

/** `https://host[/base]` of whatever form of the API's address was pasted. */
export function normalizeHost(host: string, allowInsecure: boolean): string {
  return normalizeAddress(host, HOST, allowInsecure).replace(/\/v1$/, '');
}

/** `https://host[/base]` of whatever form of an address was pasted. */
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
    // What stands before an @ may be the write key.
    if (host.includes('@')) throw new ValidationError('invalid_setting', expected);
    throw new ValidationError('invalid_setting', expected, host);
  }
  // Before any message that shows the host: one of these may be the write key.
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    const message = `Setting '${name}' must have no user name, password, query or fragment in it`;
    throw new ValidationError('invalid_setting', message);
  }
  if (url.protocol !== 'https:' && url.protocol !== 'http:')
    throw new ValidationError('invalid_setting', expected, host);
  if (url.protocol === 'http:' && !allowInsecure && !isLoopback(url.href)) {
    const message = `Setting '${name}' must be https: beyond loopback, or anybody on the way reads ${exposes}; set allowInsecureHost to allow it`;
    throw new ValidationError('invalid_setting', message, host);
  }
  return url.origin + url.pathname.replace(/\/+$/, '');
}

/** Whether a URL leads to this very machine. */
export function isLoopback(url: string): boolean {
  const { hostname } = new URL(url);
  return /^(localhost|.+\.localhost|127(\.\d+){3}|\[::1\])$/.test(hostname);
}
