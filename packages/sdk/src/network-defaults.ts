// What flags and calls have set for all connections of this process -> what the worker thread has to be told, which has the
// defaults of Node.js instead. Used by thread.ts; the worker's inheritance.ts sets them.
//
// The values are handed over and not the flags, because a Worker throws for many flags, like --max-old-space-size.
import type { NetworkDefaults } from '@offthread/worker/protocol';

type List = readonly string[];

type Origin = 'default' | 'bundled' | 'extra';

/** With what not every supported version of Node.js has. */
type Tls = typeof import('node:tls') & { getCACertificates?: (origin: Origin) => List };

/** Reads the defaults of this process for one worker thread. */
export class NetworkDefaultsReader {
  #known = '';
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

// Loaded here, because a host may have no other use for these modules. A runtime other than Node.js may lack functions.
function readDefaults(): Omit<NetworkDefaults, 'ca'> {
  const dns = process.getBuiltinModule('node:dns');
  const net = process.getBuiltinModule('node:net');
  const tls = process.getBuiltinModule('node:tls');
  return {
    resultOrder: attempt(() => dns.getDefaultResultOrder()),
    autoSelectFamily: attempt(() => net.getDefaultAutoSelectFamily()),
    attemptTimeout: attempt(() => net.getDefaultAutoSelectFamilyAttemptTimeout()),
    maxHeaderSize: attempt(() => process.getBuiltinModule('node:http').maxHeaderSize),
    tls: {
      DEFAULT_MIN_VERSION: tls.DEFAULT_MIN_VERSION,
      DEFAULT_MAX_VERSION: tls.DEFAULT_MAX_VERSION,
      DEFAULT_CIPHERS: tls.DEFAULT_CIPHERS,
      DEFAULT_ECDH_CURVE: tls.DEFAULT_ECDH_CURVE,
    },
  };
}

function readAuthorities(origin: Origin): List | undefined {
  const tls: Tls = process.getBuiltinModule('node:tls');
  return attempt(() => tls.getCACertificates?.(origin));
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

function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
