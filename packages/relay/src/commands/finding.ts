// What a check has found. Used by the doctor command and by engines.

export interface Finding {
  readonly level: 'ok' | 'warning' | 'error';
  readonly message: string;
  /** What to do about it. */
  readonly remedy?: string | undefined;
}
