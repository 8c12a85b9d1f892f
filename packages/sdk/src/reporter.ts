// Errors -> the user's own functions, none of which can hurt us. Used by client.ts.
import { AnalyticsError, type ErrorCode, type ErrorDetails } from './errors.js';
import type { Callback } from './ledger.js';

/** Milliseconds between two reports of refused events of one kind. */
const REPORT_INTERVAL_MS = 60_000;

/** A kind of refusal that was reported less than a minute ago. */
interface Quiet {
  readonly timer: NodeJS.Timeout;
  /** Refused since. */
  count: number;
}

export class Reporter {
  readonly #onError: ((error: AnalyticsError) => unknown) | undefined;
  readonly #quiet = new Map<ErrorCode, Quiet>();
  readonly #late: (() => void)[] = [];

  constructor(onError: ((error: AnalyticsError) => unknown) | undefined) {
    this.#onError = onError;
  }

  report(error: AnalyticsError): void {
    if (this.#onError !== undefined) run(this.#onError, error, () => {});
  }

  /** Reports a refusal that may come ten thousand times a second: the first one, then once a minute how many. */
  reportRarely(code: ErrorCode, message: string, details: ErrorDetails): void {
    const quiet = this.#quiet.get(code);
    if (quiet !== undefined) {
      quiet.count++;
      return;
    }
    const timer = setTimeout(() => {
      const { count = 0 } = this.#quiet.get(code) ?? {};
      this.#quiet.delete(code);
      if (count > 0) this.reportRarely(code, message, { count });
    }, REPORT_INTERVAL_MS).unref();
    this.#quiet.set(code, { timer, count: 0 });
    this.report(new AnalyticsError(code, message, details));
  }

  /** Tells a callback how its event ended. */
  tell(callback: Callback, error: AnalyticsError | undefined): void {
    run(callback, error, (cause) => {
      this.report(new AnalyticsError('callback_failed', 'A callback passed to an event failed', { cause }));
    });
  }

  /** The same when the code that is running ends, or somebody who waits has `catchUp()` called. */
  tellLater(callback: Callback, error: () => AnalyticsError): void {
    this.#late.push(() => this.tell(callback, error()));
    // A promise, because fake timers put queueMicrotask() on hold.
    if (this.#late.length === 1) void Promise.resolve().then(() => this.catchUp());
  }

  catchUp(): void {
    for (let tell = this.#late.shift(); tell !== undefined; tell = this.#late.shift()) tell();
  }

  /** Reports what has not been counted yet and stops all timers. */
  close(): void {
    for (const [code, { timer, count }] of this.#quiet) {
      clearTimeout(timer);
      if (count > 0) this.report(new AnalyticsError(code, `${count} more events were refused`, { count }));
    }
    this.#quiet.clear();
  }
}

/** Calls a function of the user's; neither an exception nor a rejection gets past `failed`. */
function run<T>(callee: (argument: T) => unknown, argument: T, failed: (cause: unknown) => void): void {
  try {
    const result = callee(argument);
    if (result instanceof Promise) result.catch(failed);
  } catch (cause) {
    failed(cause);
  }
}
