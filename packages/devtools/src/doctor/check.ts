// The result of a check, and how to make one.

/** What one check found. */
export interface Check {
  /** The same in all versions. */
  readonly name: string;
  readonly status: 'ok' | 'warning' | 'failed' | 'skipped';
  /** The finding. Never contains the write key. */
  readonly detail: string;
  /** What to do about it. Present if the status is `warning` or `failed`. */
  readonly remedy?: string;
  /** Data for programs, such as numbers. */
  readonly facts?: Readonly<Record<string, unknown>>;
}

export function ok(name: string, detail: string, facts?: Check['facts']): Check {
  return { name, status: 'ok', detail, ...(facts && { facts }) };
}

export function warning(name: string, detail: string, remedy: string, facts?: Check['facts']): Check {
  return { name, status: 'warning', detail, remedy, ...(facts && { facts }) };
}

export function failed(name: string, detail: string, remedy: string): Check {
  return { name, status: 'failed', detail, remedy };
}

/** The result of a check that could not be made. */
export function skipped(name: string, detail: string): Check {
  return { name, status: 'skipped', detail };
}

/** The message of an error. If several addresses were tried, all of their messages. */
export function messageOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(messageOf).join('; ');
  return error instanceof Error ? error.message : String(error);
}
