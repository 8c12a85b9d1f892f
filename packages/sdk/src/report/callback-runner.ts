// Calls `onError` and the callbacks of events, and handles their exceptions and rejections. Used by
// outcome-reporter.ts and rejection-reporter.ts.

import { AnalyticsError, type ErrorCode, type ErrorDetails } from '../errors.js';
import { onRejection } from '../input/promises.js';
import { after } from '../runtime/clock.js';
import { DeferredTask } from '../runtime/deferred-task.js';
import { inRootContext } from '../runtime/root-context.js';
import type { Timer } from '../runtime/ticked-timers.js';
import type { BoundCallback } from './bound-callback.js';

/** Minimum milliseconds between two reports of refused events with the same code. */
const REPORT_INTERVAL_MS = 60_000;

/** An error code that was reported less than a minute ago. */
interface Muted {
  readonly timer: Timer;
  /** Events refused since that report. */
  count: number;
}

export class CallbackRunner {
  readonly #onError: ((error: AnalyticsError) => unknown) | undefined;
  readonly #muted = new Map<ErrorCode, Muted>();
  /** Whether a delay was reported and may not be over. */
  isDelayed = false;
  readonly #deferred = new Set<() => void>();
  readonly #deferredTask = new DeferredTask(() => this.runDeferred());

  constructor(onError: ((error: AnalyticsError) => unknown) | undefined) {
    this.#onError = onError;
  }

  get hasOnError(): boolean {
    return this.#onError !== undefined;
  }

  report(error: AnalyticsError): void {
    const onError = this.#onError;
    // In the root context even during a call of the user's, because the error may concern events of other requests.
    if (onError !== undefined)
      inRootContext(() =>
        run(
          () => onError(error),
          () => {},
        ),
      );
  }

  /**
   * Reports a refusal that may occur thousands of times a second: the first one at once, then the count once a minute.
   */
  reportRarely(code: ErrorCode, message: string, details: () => ErrorDetails): void {
    const muted = this.#muted.get(code);
    if (muted !== undefined) {
      muted.count++;
      return;
    }
    const timer = after(REPORT_INTERVAL_MS, () => {
      const { count = 0 } = this.#muted.get(code) ?? {};
      this.#muted.delete(code);
      if (count > 0) this.reportRarely(code, message, () => ({ count }));
    });
    this.#muted.set(code, { timer, count: 0 });
    this.report(new AnalyticsError(code, message, details()));
  }

  /** Reports a delay, unless one was reported and `isDelayed` has not been reset since. */
  reportDelay(cause: Error): void {
    if (this.isDelayed) return;
    this.isDelayed = true;
    const message = `${cause.message} Events are kept, and the start is tried again.`;
    this.report(new AnalyticsError('worker_delayed', message, { cause: cause.cause }));
  }

  /** Calls a callback with the outcome of its event. */
  call(callback: BoundCallback, error: AnalyticsError | undefined): void {
    run(
      () => callback.call(error),
      (cause) => {
        this.report(
          new AnalyticsError('callback_failed', 'The callback of an event threw or rejected', { cause }),
        );
      },
    );
  }

  /** Calls it in a microtask, or earlier in `runDeferred()`. */
  callLater(callback: BoundCallback, error: () => AnalyticsError): void {
    this.#deferred.add(() => this.call(callback, error()));
    this.#deferredTask.schedule();
  }

  /** Runs the deferred calls, but not those that they add: a callback may add another one forever. */
  runDeferred(): void {
    let left = this.#deferred.size;
    for (const call of this.#deferred) {
      // Removed before the call, because the callback may flush, which runs the remaining calls.
      this.#deferred.delete(call);
      call();
      left--;
      if (left === 0) break;
    }
  }

  /** Reports the refusals that were only counted so far, and stops all timers. */
  close(): void {
    for (const [code, { timer, count }] of this.#muted) {
      timer.stop();
      if (count > 0) this.report(new AnalyticsError(code, `${count} more events were refused`, { count }));
    }
    this.#muted.clear();
  }
}

/** Calls a function of the user's. An exception or rejection is passed to `failed`. */
function run(callee: () => unknown, failed: (cause: unknown) => void): void {
  try {
    onRejection(callee(), failed);
  } catch (cause) {
    failed(cause);
  }
}
