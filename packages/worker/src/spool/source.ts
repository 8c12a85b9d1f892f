// Derives the name of a source from its write key. Used on main, which loads node:crypto only if a client has a spool.

/**
 * Returns the SHA-256 of a write key, as the name of its source. The key can't be read from it, and it doesn't depend
 * on the host.
 */
export function sourceOf(writeKey: string): string {
  // Loaded only when it is needed, because that costs main milliseconds and megabytes.
  return process.getBuiltinModule('node:crypto').createHash('sha256').update(writeKey).digest('hex');
}
