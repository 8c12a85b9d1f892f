// What was pasted as the address of the API -> where it is, or a ValidationError. Used by settings.ts.
import { ValidationError } from './errors.js';

/** `https://host[/base]` of whatever form of it was pasted. */
export function normalizeHost(host: string, allowInsecure: boolean): string {
  const expected = "Setting 'host' must be a host or an http(s) URL like 'https://api.segment.io'";
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
    const message = "Setting 'host' must have no user name, password, query or fragment in it";
    throw new ValidationError('invalid_setting', message);
  }
  if (url.protocol !== 'https:' && url.protocol !== 'http:')
    throw new ValidationError('invalid_setting', expected, host);
  if (url.protocol === 'http:' && !allowInsecure && !isLoopback(url.href)) {
    const message =
      "Setting 'host' must be https: beyond loopback, or anybody on the way reads write key and events; set allowInsecureHost to allow it";
    throw new ValidationError('invalid_setting', message, host);
  }
  return url.origin + url.pathname.replace(/\/+$/, '').replace(/\/v1$/, '');
}

/** Whether a URL leads to this very machine. */
export function isLoopback(url: string): boolean {
  const { hostname } = new URL(url);
  return /^(localhost|.+\.localhost|127(\.\d+){3}|\[::1\])$/.test(hostname);
}
