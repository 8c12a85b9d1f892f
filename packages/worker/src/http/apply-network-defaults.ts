// Applies the process's network defaults to this thread, which starts with those of Node.js. The SDK's
// read-network-defaults.ts reads them on main. Used by index.ts.
import net from 'node:net';
import type { NetworkDefaults } from '../protocol.js';

/** `tls` with a function that not every supported version of Node.js has. */
type Tls = typeof import('node:tls') & { setDefaultCACertificates?: (list: readonly string[]) => void };

let maxHeaderSize: number | undefined;

/**
 * Maximum bytes of headers in a reply; undefined means the default of Node.js. Set on each request, because
 * `http.maxHeaderSize` is read-only.
 */
export function inheritedMaxHeaderSize(): number | undefined {
  return maxHeaderSize;
}

/**
 * Applies the process's defaults for all clients. Never throws. Ignores what the runtime doesn't support, and what
 * OpenSSL refuses, because no connection could be made with it.
 */
export function applyNetworkDefaults({
  resultOrder,
  autoSelectFamily,
  attemptTimeout,
  ...rest
}: NetworkDefaults): void {
  maxHeaderSize = rest.maxHeaderSize;
  if (resultOrder !== undefined) {
    // Loaded lazily, because a thread that only connects to IP addresses doesn't need it.
    attempt(() => process.getBuiltinModule('node:dns').setDefaultResultOrder(resultOrder));
  }
  if (autoSelectFamily !== undefined) attempt(() => net.setDefaultAutoSelectFamily(autoSelectFamily));
  if (attemptTimeout !== undefined) {
    attempt(() => net.setDefaultAutoSelectFamilyAttemptTimeout(attemptTimeout));
  }
  const { ca } = rest;
  // Takes about 50 ms with hundreds of certificates.
  if (ca !== undefined) attempt(() => builtinTls().setDefaultCACertificates?.(ca));
  if (rest.tls !== undefined) applyTls(rest.tls);
}

/** Loaded lazily, because a thread that only connects by http doesn't need it. */
function builtinTls(): Tls {
  return process.getBuiltinModule('node:tls');
}

function applyTls(defaults: NonNullable<NetworkDefaults['tls']>): void {
  const tls = builtinTls();
  const { DEFAULT_MIN_VERSION, DEFAULT_MAX_VERSION, DEFAULT_CIPHERS, DEFAULT_ECDH_CURVE } = tls;
  const own = { DEFAULT_MIN_VERSION, DEFAULT_MAX_VERSION, DEFAULT_CIPHERS, DEFAULT_ECDH_CURVE };
  if (JSON.stringify(own) === JSON.stringify(defaults)) return;
  if (!attempt(() => Object.assign(tls, defaults)) || !attempt(() => tls.createSecureContext())) {
    attempt(() => Object.assign(tls, own));
  }
}

/** Returns false if `act` throws. */
function attempt(act: () => void): boolean {
  try {
    act();
    return true;
  } catch {
    return false;
  }
}
