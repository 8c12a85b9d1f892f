// Errors -> the user's own functions, none of which can hurt us. Used by client.ts.

import { AnalyticsError, type ErrorCode, type ErrorDetails } from '../errors.js';
import { onRejection } from '../input/promises.js';
import { after } from '../runtime/clock.js';
import { DeferredTask } from '../runtime/deferred-task.js';
import { inRootContext } from '../runtime/root-context.js';
import type { Timer } from '../runtime/ticked-timers.js';
import type { BoundCallback } from './bound-callback.js';

/** Milliseconds between two reports of refused events of one kind. */
const REPORT_INTERVAL_MS = 60_000;

/** A kind of refusal that was reported less than a minute ago. */
interface Muted {
  readonly timer: Timer;
  /** Refused since. */
  count: number;
}

export class CallbackRunner {
  readonly #onError: ((error: AnalyticsError) => unknown) | undefined;
  readonly #muted = new Map<ErrorCode, Muted>();
  /** Whether a delay was reported that is not known to be over. */
  isDelayed = false;
  readonly #deferred = new Set<() => void>();
  readonly #deferredTask = new DeferredTask(() => this.runDeferred());

  constructor(onError: ((error: AnalyticsError) => unknown) | undefined) {
    this.#onError = onError;
  }

  report(error: AnalyticsError): void {
    const onError = this.#onError;
    // Also if it is called within a call of the user's: what is reported may concern others.
    if (onError !== undefined)
      inRootContext(() =>
        run(
          () => onError(error),
          () => {},
        ),
      );
  }

  /** Reports a refusal that may come ten thousand times a second: the first one, then once a minute how many. */
  reportRarely(code: ErrorCode, message: string, details: ErrorDetails): void {
    const muted = this.#muted.get(code);
    if (muted !== undefined) {
      muted.count++;
      return;
    }
    const timer = after(REPORT_INTERVAL_MS, () => {
      const { count = 0 } = this.#muted.get(code) ?? {};
      this.#muted.delete(code);
      if (count > 0) this.reportRarely(code, message, { count });
    });
    this.#muted.set(code, { timer, count: 0 });
    this.report(new AnalyticsError(code, message, details));
  }

  /** Reports the first of many delays; the next one once `isDelayed` was set back. */
  reportDelay(cause: Error): void {
    if (this.isDelayed) return;
    this.isDelayed = true;
    const message = `Events wait, because no worker thread can be started at present; it is tried again. ${cause.message}`;
    this.report(new AnalyticsError('worker_delayed', message, { cause: cause.cause }));
  }

  /** Tells a callback how its event ended. */
  call(callback: BoundCallback, error: AnalyticsError | undefined): void {
    run(
      () => callback.call(error),
      (cause) => {
        this.report(new AnalyticsError('callback_failed', 'A callback passed to an event failed', { cause }));
      },
    );
  }

  /** The same when the code that is running ends, or somebody who waits has `catchUp()` called. */
  callLater(callback: BoundCallback, error: () => AnalyticsError): void {
    this.#deferred.add(() => this.call(callback, error()));
    this.#deferredTask.schedule();
  }

  /** Tells what there is now, and not what the callbacks add: one may add another for ever. */
  runDeferred(): void {
    let left = this.#deferred.size;
    for (const call of this.#deferred) {
      // Removed first: the callback may flush, which goes on with the next one.
      this.#deferred.delete(call);
      call();
      left--;
      if (left === 0) break;
    }
  }

  /** Reports what has not been counted yet and stops all timers. */
  close(): void {
    for (const [code, { timer, count }] of this.#muted) {
      timer.stop();
      if (count > 0) this.report(new AnalyticsError(code, `${count} more events were refused`, { count }));
    }
    this.#muted.clear();
  }
}

/** Calls a function of the user's; neither an exception nor a rejection gets past `failed`. */
function run(callee: () => unknown, failed: (cause: unknown) => void): void {
  try {
    onRejection(callee(), failed);
  } catch (cause) {
    failed(cause);
  }
}
