// What is set for the connections of the process -> the same for this thread, which begins with the defaults of Node.js.
// Used by index.ts; main's read-network-defaults.ts reads them.
import net from 'node:net';
import tls from 'node:tls';
import type { NetworkDefaults } from '../protocol.js';

/** With what not every supported version of Node.js has. */
type Tls = typeof tls & { setDefaultCACertificates?: (list: readonly string[]) => void };

let maxHeaderSize: number | undefined;

/** Bytes of headers that a reply may have; undefined: the default of Node.js. A setting of each request: `http` has only a getter. */
export function inheritedMaxHeaderSize(): number | undefined {
  return maxHeaderSize;
}

/**
 * Sets what the process has, for all clients. Never throws: what a runtime does not know stays as it is, and so does what
 * OpenSSL refuses, because with that no connection could be made.
 */
export function applyNetworkDefaults({
  resultOrder,
  autoSelectFamily,
  attemptTimeout,
  ...rest
}: NetworkDefaults): void {
  maxHeaderSize = rest.maxHeaderSize;
  if (resultOrder !== undefined) {
    // Loaded here, because a thread that knows its API by an address has no other use for it.
    attempt(() => process.getBuiltinModule('node:dns').setDefaultResultOrder(resultOrder));
  }
  if (autoSelectFamily !== undefined) attempt(() => net.setDefaultAutoSelectFamily(autoSelectFamily));
  if (attemptTimeout !== undefined) {
    attempt(() => net.setDefaultAutoSelectFamilyAttemptTimeout(attemptTimeout));
  }
  const { setDefaultCACertificates }: Tls = tls;
  const { ca } = rest;
  // Takes some 50 ms where there are hundreds.
  if (ca !== undefined) attempt(() => setDefaultCACertificates?.(ca));
  if (rest.tls !== undefined) applyTls(rest.tls);
}

function applyTls(defaults: NonNullable<NetworkDefaults['tls']>): void {
  const { DEFAULT_MIN_VERSION, DEFAULT_MAX_VERSION, DEFAULT_CIPHERS, DEFAULT_ECDH_CURVE } = tls;
  const own = { DEFAULT_MIN_VERSION, DEFAULT_MAX_VERSION, DEFAULT_CIPHERS, DEFAULT_ECDH_CURVE };
  if (JSON.stringify(own) === JSON.stringify(defaults)) return;
  if (!attempt(() => Object.assign(tls, defaults)) || !attempt(() => tls.createSecureContext())) {
    attempt(() => Object.assign(tls, own));
  }
}

/** Whether it could be done. */
function attempt(act: () => void): boolean {
  try {
    act();
    return true;
  } catch {
    return false;
  }
}
