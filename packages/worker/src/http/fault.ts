// Classifies network errors by their code. Used by exchange.ts.

/** Whether the other side closed the connection. */
export function isBroken(code = ''): boolean {
  return code === 'ECONNRESET' || code === 'EPIPE';
}

/**
 * Whether the server's certificate isn't trusted.
 * Source: https://nodejs.org/api/tls.html#x509-certificate-error-codes
 */
export function isUntrusted(code = ''): boolean {
  return code === 'ERR_TLS_CERT_ALTNAME_INVALID' || UNTRUSTED.has(code);
}

const UNTRUSTED: ReadonlySet<string> = new Set([
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'CERT_SIGNATURE_FAILURE',
  'CERT_NOT_YET_VALID',
  'CERT_HAS_EXPIRED',
  'CERT_CHAIN_TOO_LONG',
  'CERT_REVOKED',
  'CERT_UNTRUSTED',
  'CERT_REJECTED',
  'INVALID_CA',
  'INVALID_PURPOSE',
  'HOSTNAME_MISMATCH',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
]);
