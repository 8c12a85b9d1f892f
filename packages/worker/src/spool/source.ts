// A write key -> the source that it names. Used on main, where node:crypto is loaded only for those who have a spool.

/** The source that a write key names: its SHA-256. Nobody can read the key from it, and a host that moves changes nothing. */
export function sourceOf(writeKey: string): string {
  // Taken when it's needed: loading it costs main milliseconds and megabytes.
  return process.getBuiltinModule('node:crypto').createHash('sha256').update(writeKey).digest('hex');
}
