// The setting `proxy`, or else the environment -> the proxy on the way to a URL, or a ValidationError. Used by settings.ts.
import { ValidationError } from '../errors.js';
import { isLoopback } from './address.js';

/** What the setting may be. */
export type ProxySetting = string | false;

/** Checks the setting. */
export function proxy(value: unknown, name: string): ProxySetting {
  return value === false ? false : normalizeProxy(value, `Setting '${name}'`, ', or false');
}

/**
 * The URL of the proxy by which requests go to `url`: the setting, or else what the environment says. The environment
 * has no say in loopback.
 *
 * @throws {ValidationError} `invalid_setting`, where the environment names something else than a proxy.
 */
export function proxyFor(url: string, setting: ProxySetting | undefined): string | undefined {
  if (setting !== undefined) return setting === false ? undefined : setting;
  const target = new URL(url);
  const scheme = target.protocol === 'https:' ? 'https' : 'http';
  const found = variable(`${scheme}_proxy`);
  if (found === undefined || isLoopback(url)) return undefined;
  if (isExempt(target, variable('no_proxy')?.value ?? '')) return undefined;
  return normalizeProxy(found.value, `Environment variable ${found.name}`, '; `proxy: false` ignores it');
}

/**
 * Whether `NO_PROXY` exempts a target. Its entries are read as curl and Go read them: `*` is all, `example.com` and
 * `.example.com` are that host and those below it, and a port may follow.
 */
function isExempt({ hostname, port, protocol }: URL, noProxy: string): boolean {
  const ownPort = port || (protocol === 'https:' ? '443' : '80');
  for (const entry of noProxy.toLowerCase().split(/[\s,]+/)) {
    if (entry === '*') return true;
    const [, host = '', onlyPort = ownPort] = /^(\[.*\]|[^:]*)(?::(\d+))?$/.exec(entry) ?? [];
    const domain = host.replace(/^\*?\./, '');
    const isMeant = domain !== '' && (hostname === domain || hostname.endsWith(`.${domain}`));
    if (isMeant && onlyPort === ownPort) return true;
  }
  return false;
}

/** A variable of the environment by its name in lower case or upper case; an empty one is none. */
function variable(lower: string): { readonly name: string; readonly value: string } | undefined {
  for (const name of [lower, lower.toUpperCase()]) {
    const { [name]: value = '' } = process.env;
    if (value.trim() !== '') return { name, value };
  }
  return undefined;
}

/** No message shows the value: there may be a password in it. */
function normalizeProxy(value: unknown, what: string, instead: string): string {
  const expected = `${what} must be the address of an HTTP proxy like 'http://user:password@proxy.example:3128'${instead}`;
  if (typeof value !== 'string') {
    const hint =
      typeof value === 'object' && value !== null ? ': an agent cannot go to the worker thread' : '';
    throw new ValidationError('invalid_setting', expected + hint);
  }
  const url = parse(value.trim());
  const isProxy = url?.protocol === 'http:' || url?.protocol === 'https:';
  if (url === undefined || !isProxy) {
    const hint = url === undefined ? '' : `; got the scheme ${url.protocol}`;
    throw new ValidationError('invalid_setting', expected + hint);
  }
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '') {
    throw new ValidationError('invalid_setting', `${expected}; a proxy has no path, query or fragment`);
  }
  if (!isDecodable(url.username) || !isDecodable(url.password)) {
    const message = `${expected}; a % in user name or password is written as %25`;
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
