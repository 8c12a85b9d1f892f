// Reports events that are rejected at the call: to the callback, `onError`, a diagnostics channel and the counters.
// Used by event-acceptor.ts. Next: callback-runner.ts.
import { AnalyticsError, type ErrorDetails } from './errors.js';
import type { Dropped } from './event/before-send.js';
import type { AnyEvent, EventType } from './event/event.js';
import type { Callback } from './event/methods.js';
import { isTooLate } from './flush/exit.js';
import { BoundCallback } from './report/bound-callback.js';
import type { CallbackRunner } from './report/callback-runner.js';
import type { Counters } from './report/counters.js';
import { publish } from './report/diagnostics.js';

/** Why an event is refused. */
export interface Refusal {
  readonly code:
    | 'closed'
    | 'queue_full'
    | 'spool_full'
    | 'spool_failed'
    | 'unserializable'
    | 'event_too_large'
    | 'worker_unavailable';
  readonly message: string;
  readonly cause?: unknown;
}

export class RejectionReporter {
  readonly #owner: object;
  readonly #flushTimeout: number;
  readonly #counters: Counters;
  readonly #callbacks: CallbackRunner;

  /** @param owner the public object, which is published on diagnostics channels. */
  constructor(owner: object, flushTimeout: number, counters: Counters, callbacks: CallbackRunner) {
    this.#owner = owner;
    this.#flushTimeout = flushTimeout;
    this.#counters = counters;
    this.#callbacks = callbacks;
  }

  /** Reports a rejection. Returns whether the event counts as accepted, because `beforeSend` dropped it. */
  report(
    { code, message, cause }: Refusal | Dropped,
    type: EventType,
    event: AnyEvent,
    callback: Callback | undefined,
  ): boolean {
    const analytics = this.#owner;
    // Only made for an event that is reported, because an overloaded server has thousands of refusals a second, and only
    // once, because that runs the caller's getters.
    let made: ErrorDetails | undefined;
    const details = (): ErrorDetails => {
      made ??= { events: [readableFields(type, event)], cause };
      return made;
    };
    const error = (): AnalyticsError => new AnalyticsError(code, message, details());
    if (typeof callback === 'function') {
      // The caller may change the event before the callback is called.
      details();
      this.#callbacks.callLater(new BoundCallback(callback), error);
    }
    if (code === 'before_send' || code === 'before_send_failed') {
      this.#counters.dropAtCall(code);
      if (code === 'before_send_failed') this.#callbacks.report(error());
      publish('offthread:dropped', () => ({ analytics, count: 1, error: error() }));
      return true;
    }
    this.#counters.refuse(code);
    // Not reported at the end of the process. An `onError` that creates a client for each error would never stop.
    if (code === 'closed' && isTooLate(this.#flushTimeout)) return false;
    if (code === 'unserializable' || code === 'event_too_large') this.#callbacks.report(error());
    else this.#callbacks.reportRarely(code, message, details);
    publish('offthread:refused', () => ({ analytics, count: 1, code, type }));
    return false;
  }
}

/** The fields of a rejected event, as far as they can be read. Its getters may throw. */
function readableFields(type: EventType, event: AnyEvent): Readonly<Record<string, unknown>> {
  try {
    return { type, ...event };
  } catch {
    return { type };
  }
}
