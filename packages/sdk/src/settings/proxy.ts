// The proxy for a URL, from the setting `proxy` or from environment variables. Used by settings.ts.
import { ValidationError } from '../errors.js';
import { isLoopback } from './address.js';

export type ProxySetting = string | false;

/** Validates the setting. */
export function proxy(value: unknown, name: string): ProxySetting {
  return value === false ? false : normalizeProxy(value, `Setting '${name}'`, ', or false');
}

/**
 * The URL of the proxy for requests to `url`: the setting, or else the environment variable, which is ignored for
 * loopback addresses.
 *
 * @throws {ValidationError} `invalid_setting`, if the environment variable isn't the address of an HTTP proxy.
 */
export function proxyFor(url: string, setting: ProxySetting | undefined): string | undefined {
  if (setting !== undefined) return setting === false ? undefined : setting;
  const target = new URL(url);
  const scheme = target.protocol === 'https:' ? 'https' : 'http';
  const found = variable(`${scheme}_proxy`);
  if (found === undefined || isLoopback(url)) return undefined;
  if (isExempt(target, variable('no_proxy')?.value ?? '')) return undefined;
  return normalizeProxy(
    found.value,
    `Environment variable ${found.name}`,
    '; set `proxy: false` to ignore it',
  );
}

/**
 * Whether `NO_PROXY` exempts a target. Entries have the same meaning as in curl and Go: `*` matches all hosts,
 * `example.com` and `.example.com` match that host and its subdomains, and a port may follow.
 */
function isExempt({ hostname, port, protocol }: URL, noProxy: string): boolean {
  const ownPort = port || (protocol === 'https:' ? '443' : '80');
  for (const entry of noProxy.toLowerCase().split(/[\s,]+/)) {
    if (entry === '*') return true;
    const [, host = '', onlyPort = ownPort] = /^(\[.*\]|[^:]*)(?::(\d+))?$/.exec(entry) ?? [];
    const domain = host.replace(/^\*?\./, '');
    const isMatch = domain !== '' && (hostname === domain || hostname.endsWith(`.${domain}`));
    if (isMatch && onlyPort === ownPort) return true;
  }
  return false;
}

/** An environment variable, in lower or upper case. An empty variable counts as not set. */
function variable(lower: string): { readonly name: string; readonly value: string } | undefined {
  for (const name of [lower, lower.toUpperCase()]) {
    const { [name]: value = '' } = process.env;
    if (value.trim() !== '') return { name, value };
  }
  return undefined;
}

/** No message shows the value, because it may contain a password. */
function normalizeProxy(value: unknown, what: string, instead: string): string {
  const expected = `${what} must be the address of an HTTP proxy like 'http://user:password@proxy.example:3128'${instead}`;
  if (typeof value !== 'string') {
    const hint =
      typeof value === 'object' && value !== null ? ': an agent cannot be passed to the worker thread' : '';
    throw new ValidationError('invalid_setting', expected + hint);
  }
  const url = parse(value.trim());
  const isProxy = url?.protocol === 'http:' || url?.protocol === 'https:';
  if (url === undefined || !isProxy) {
    const hint = url === undefined ? '' : `; got the scheme ${url.protocol}`;
    throw new ValidationError('invalid_setting', expected + hint);
  }
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '') {
    throw new ValidationError('invalid_setting', `${expected}; it must not have a path, query or fragment`);
  }
  if (!isDecodable(url.username) || !isDecodable(url.password)) {
    const message = `${expected}; write % in the user name or password as %25`;
    throw new ValidationError('invalid_setting', message);
  }
  return url.href;
}

function parse(text: string): URL | undefined {
  const address = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`;
  return URL.canParse(address) ? new URL(address) : undefined;
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}
