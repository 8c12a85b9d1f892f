// In: nothing. Out: what a check finds. Next: each file here makes some, report.ts shows them.

/** What one check found. */
export interface Check {
  /** The same in every version. */
  readonly name: string;
  readonly status: 'ok' | 'warning' | 'failed' | 'skipped';
  /** What was found. Never holds the write key. */
  readonly detail: string;
  /** What to do about it; there is one unless all is well. */
  readonly remedy?: string;
  /** Numbers and the like, for programs. */
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

/** For what cannot be looked at because of something else. */
export function skipped(name: string, detail: string): Check {
  return { name, status: 'skipped', detail };
}

/** The message of an error; of each of them where several addresses were tried. */
export function messageOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(messageOf).join('; ');
  return error instanceof Error ? error.message : String(error);
}
