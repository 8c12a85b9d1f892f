// What flags and calls have set for all connections of this process -> what the worker thread has to be told, which has the
// defaults of Node.js instead. Used by worker-thread.ts; the worker's apply-network-defaults.ts sets them.
//
// The values are handed over and not the flags, because a Worker throws for many flags, like --max-old-space-size.
import type { NetworkDefaults } from '@offthread/worker/protocol';

type List = readonly string[];

type Origin = 'default' | 'bundled' | 'extra';

/** With what not every supported version of Node.js has. */
type Tls = typeof import('node:tls') & { getCACertificates?: (origin: Origin) => List };

/** Builtin modules with something that can be set. */
interface Modules {
  dns: typeof import('node:dns');
  http: typeof import('node:http');
  net: typeof import('node:net');
  tls: typeof import('node:tls');
}

// Read before the program can change them: some delete NODE_OPTIONS, so that their child processes do not get it.
const { NODE_OPTIONS, NODE_USE_SYSTEM_CA } = process.env;
const hasFlags = process.execArgv.length > 0 || Boolean(NODE_OPTIONS) || Boolean(NODE_USE_SYSTEM_CA);

/** Modules that somebody has loaded. */
const touched = new Set<string>();

/** Reads the defaults of this process for one worker thread. */
export class NetworkDefaultsReader {
  /** As text. At first nothing is set. */
  #known = '{}';
  #authorities: List | undefined;
  #areAuthoritiesGiven = false;

  /** The defaults, if they have changed since the last call. `ca` is missing if only the others have. */
  readChanges(): NetworkDefaults | undefined {
    const ca = this.#newAuthorities();
    const defaults = readDefaults();
    const text = JSON.stringify(defaults);
    if (text === this.#known && ca === undefined) return undefined;
    this.#known = text;
    return { ...defaults, ca };
  }

  /** The trusted authorities, if the thread trusts others. */
  #newAuthorities(): List | undefined {
    const list = readAuthorities('default');
    // Node.js returns the same array until they are set again. They may be a megabyte.
    if (list === undefined || list === this.#authorities) return undefined;
    this.#authorities = list;
    if (!this.#areAuthoritiesGiven && isBuiltIn(list)) return undefined;
    this.#areAuthoritiesGiven = true;
    return list;
  }
}

/** Undefined stays what nobody can have set, and what a runtime other than Node.js lacks. */
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
 * Whether a thread trusts these by itself: those that Node.js carries and those of NODE_EXTRA_CA_CERTS. Under
 * --use-openssl-ca the list has only the latter, and a thread that was given it would no longer trust those of OpenSSL.
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
 * The module, if anything in it can have been set: by flags, or by somebody who has loaded it. To load all four takes 6 ms and
 * a megabyte, which a small program does not need.
 */
function settable<Name extends keyof Modules>(name: Name): Modules[Name] | undefined {
  if (!touched.has(name)) {
    // Not documented, and without it all are loaded.
    const loaded: unknown = Reflect.get(process, 'moduleLoadList');
    const names = [`NativeModule ${name}`, `NativeModule ${name}/promises`];
    if (!hasFlags && Array.isArray(loaded) && !names.some((each) => loaded.includes(each))) return undefined;
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
