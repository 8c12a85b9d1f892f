// Reads the network defaults of this process, which flags and calls may have changed, for the worker thread, which
// starts with the defaults of Node.js. Used by worker-thread.ts. The worker's apply-network-defaults.ts applies them.
//
// The values are passed on instead of the flags, because a Worker throws for many flags, such as --max-old-space-size.
import type { NetworkDefaults } from '@offthread/worker/protocol';

type List = readonly string[];

type Origin = 'default' | 'bundled' | 'extra';

/** With a function that not every supported version of Node.js has. */
type Tls = typeof import('node:tls') & { getCACertificates?: (origin: Origin) => List };

/** Built-in modules with network defaults. */
interface Modules {
  dns: typeof import('node:dns');
  http: typeof import('node:http');
  net: typeof import('node:net');
  tls: typeof import('node:tls');
}

/** The flags that change the defaults of each module, with the variable that does what a flag does. */
const FLAGS: Readonly<Record<keyof Modules, RegExp>> = {
  dns: /--dns-result-order/,
  net: /network-family-autoselection/,
  http: /--max-http-header-size/,
  tls: /--tls-|--use-(?:bundled|openssl|system)-ca|NODE_USE_SYSTEM_CA/,
};

/** A file can have any flag. */
const FLAG_FILE = /config-file/;

// Read at load, because some programs delete NODE_OPTIONS so that their child processes don't inherit it.
const { NODE_OPTIONS, NODE_USE_SYSTEM_CA } = process.env;
// Node.js takes an underscore for a dash.
const flags = [...process.execArgv, NODE_OPTIONS].join(' ').replaceAll('_', '-');
const given = NODE_USE_SYSTEM_CA ? `${flags} NODE_USE_SYSTEM_CA` : flags;

/** Modules whose defaults may have been changed. */
const touched = new Set<string>();

/** Reads the defaults of this process for one worker thread. */
export class NetworkDefaultsReader {
  /** The last defaults that were read, as JSON. */
  #known = '{}';
  #authorities: List | undefined;
  #areAuthoritiesGiven = false;

  /** Returns the defaults if they have changed since the last call. `ca` is undefined if it hasn't changed. */
  readChanges(): NetworkDefaults | undefined {
    const ca = this.#newAuthorities();
    const defaults = readDefaults();
    const text = JSON.stringify(defaults);
    if (text === this.#known && ca === undefined) return undefined;
    this.#known = text;
    return { ...defaults, ca };
  }

  /** Returns the trusted authorities if they differ from those of the worker thread. */
  #newAuthorities(): List | undefined {
    const list = readAuthorities('default');
    // Compared by identity, because they can be a megabyte. Node.js returns the same array until they are set again.
    if (list === undefined || list === this.#authorities) return undefined;
    this.#authorities = list;
    if (!this.#areAuthoritiesGiven && isBuiltIn(list)) return undefined;
    this.#areAuthoritiesGiven = true;
    return list;
  }
}

/** A default is undefined if it can't have been changed, or if the runtime is not Node.js and lacks it. */
function readDefaults(): Omit<NetworkDefaults, 'ca'> {
  return {
    resultOrder: attempt(() => settable('dns')?.getDefaultResultOrder()),
    autoSelectFamily: attempt(() => settable('net')?.getDefaultAutoSelectFamily()),
    attemptTimeout: attempt(() => settable('net')?.getDefaultAutoSelectFamilyAttemptTimeout()),
    maxHeaderSize: attempt(() => settable('http')?.maxHeaderSize),
    tls: attempt(readTls),
  };
}

function readTls(): NetworkDefaults['tls'] {
  const tls = settable('tls');
  if (tls === undefined) return undefined;
  const { DEFAULT_MIN_VERSION, DEFAULT_MAX_VERSION, DEFAULT_CIPHERS, DEFAULT_ECDH_CURVE } = tls;
  return { DEFAULT_MIN_VERSION, DEFAULT_MAX_VERSION, DEFAULT_CIPHERS, DEFAULT_ECDH_CURVE };
}

function readAuthorities(origin: Origin): List | undefined {
  const tls: Tls | undefined = settable('tls');
  return attempt(() => tls?.getCACertificates?.(origin));
}

/**
 * Whether a worker thread trusts these authorities by default: those bundled with Node.js and those of
 * NODE_EXTRA_CA_CERTS. With --use-openssl-ca, the list has only the latter. A thread to which it was passed would no
 * longer trust OpenSSL's authorities.
 */
function isBuiltIn(list: List): boolean {
  const bundled = readAuthorities('bundled') ?? [];
  const extra = list.length === bundled.length ? [] : (readAuthorities('extra') ?? []);
  return isSame(list, [...bundled, ...extra]) || isSame(list, readAuthorities('extra') ?? []);
}

function isSame(list: List, other: List): boolean {
  return list.length === other.length && list.every((each, index) => each === other[index]);
}

/**
 * Returns the module if its defaults may have been changed: by a flag, or by a program that has loaded it. Loading all
 * four modules takes 6 ms and, on Node.js 26, 5 MB, which small programs are spared.
 */
function settable<Name extends keyof Modules>(name: Name): Modules[Name] | undefined {
  if (!touched.has(name)) {
    // `moduleLoadList` isn't documented. If it is missing, all modules are loaded.
    const loaded: unknown = Reflect.get(process, 'moduleLoadList');
    const names = [`NativeModule ${name}`, `NativeModule ${name}/promises`];
    const isLoaded = !Array.isArray(loaded) || names.some((each) => loaded.includes(each));
    if (!isLoaded && !FLAGS[name].test(given) && !FLAG_FILE.test(given)) return undefined;
    touched.add(name);
  }
  return process.getBuiltinModule(name);
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
