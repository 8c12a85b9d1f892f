// What `offthread-relay doctor` finds out.

/** One thing that was examined. */
export interface Finding {
  readonly level: 'ok' | 'warning' | 'error';
  /** A sentence. Never contains a secret. */
  readonly message: string;
  /** What to do about it. */
  readonly remedy?: string | undefined;
}
