// Detects requests from web pages of other origins.
import type { IncomingHttpHeaders } from 'node:http';
import { isIP } from 'node:net';

/**
 * Returns why a `Host` header is refused, or `undefined` if it isn't. If the domain of a web page is made to resolve to
 * this machine (DNS rebinding), the browser treats that page and this server as one origin. But its requests contain
 * that domain as the host. An address, `localhost` and the name that this server listens on can't be such a domain.
 */
export function foreignHost(host: string | undefined, listensOn: string): string | undefined {
  const name = hostnameOf(host);
  if (name !== undefined) {
    if (isIP(name) !== 0 || name === 'localhost' || name.endsWith('.localhost')) return undefined;
    if (name === listensOn.toLowerCase()) return undefined;
  }
  return `the Host header ${JSON.stringify(host ?? '')} is not this server's: ask by its address or localhost`;
}

/**
 * Returns why a request comes from a web page of another origin, or `undefined` if it doesn't. Programs send neither
 * header.
 */
export function foreignOrigin(headers: IncomingHttpHeaders): string | undefined {
  const site = headers['sec-fetch-site'];
  const { host, origin } = headers;
  const foreign =
    (site !== undefined && site !== 'same-origin' && site !== 'none') ||
    (origin !== undefined && !isSame(origin, host));
  return foreign ? 'a web page of another origin may not ask here' : undefined;
}

function hostnameOf(host: string | undefined): string | undefined {
  const url = `http://${host}`;
  return host !== undefined && URL.canParse(url) ? new URL(url).hostname.replace(/^\[|\]$/g, '') : undefined;
}

function isSame(origin: string, host: string | undefined): boolean {
  try {
    const { protocol, host: from } = new URL(origin);
    return new URL(`${protocol}//${host}`).host === from;
  } catch {
    return false; // `null`, the origin of a sandboxed frame.
  }
}
