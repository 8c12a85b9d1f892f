// Settles pending events by their outcomes, and reports each outcome: to callbacks, `onError`, diagnostics channels and
// the counters. A transport reports to it, and so does client.ts when it drops events. Next: callback-runner.ts.
import type { Outcome, Retry, SpoolReport } from '@offthread/worker/protocol';
import { AnalyticsError, type ErrorCode, type ErrorDetails, type SentEvent } from './errors.js';
import type { FlushWaiters } from './flush/flush-waiters.js';
import type { PendingEvents } from './pending/pending-events.js';
import type { CallbackRunner } from './report/callback-runner.js';
import type { Counters } from './report/counters.js';
import { type DiagnosticMessages, publish } from './report/diagnostics.js';
import { ReportQueue } from './report/report-queue.js';
import { defer } from './runtime/clock.js';
import { inRootContext } from './runtime/root-context.js';
import type { TransportListener } from './thread/transport.js';

/** What an outcome reporter works with. */
interface OutcomeReporterParts {
  /** The public object, which is published on diagnostics channels. */
  readonly owner: object;
  readonly pendingEvents: PendingEvents;
  readonly counters: Counters;
  readonly callbacks: CallbackRunner;
  readonly waiters: FlushWaiters;
  /** Called when no event is pending and all outcomes are reported. */
  onIdle(): void;
}

export class OutcomeReporter implements TransportListener {
  readonly #parts: OutcomeReporterParts;
  readonly #pendingEvents: PendingEvents;
  readonly #callbacks: CallbackRunner;
  readonly #reports = new ReportQueue();
  /** Id of the last finished `requestStore()`. */
  storeReplies = 0;
  /** Whether reports must wait until the running code has ended. */
  #isNoting = false;
  #isReportDue = false;
  /** Why no thread could be started, as it was last reported. */
  #unavailable: string | undefined;

  constructor(parts: OutcomeReporterParts) {
    this.#parts = parts;
    this.#pendingEvents = parts.pendingEvents;
    this.#callbacks = parts.callbacks;
  }

  onOutcome(outcome: Outcome): void {
    // A message from an abandoned thread, about events that have settled since.
    if (outcome.through <= this.#pendingEvents.settled) return;
    this.#callbacks.isDelayed = false;
    if (outcome.type === 'delivered') this.#settle(outcome.through, undefined);
    else if (outcome.type === 'left') this.leave(outcome.through);
    else {
      const { through, code, message, status, attempts, events } = outcome;
      const lost = events === undefined ? this.#lostEvents(through) : this.#spooledEvents(through, events);
      const error = new AnalyticsError(code, message, { status, attempts, ...lost });
      this.#settle(through, error, outcome.type);
    }
  }

  note(outcome: Outcome): void {
    this.#isNoting = true;
    this.onOutcome(outcome);
    this.#isNoting = false;
  }

  onPostponed(retry: Retry): void {
    publish('offthread:postponed', () => this.#retryMessage(retry));
  }

  onRetried(retry: Retry): void {
    publish('offthread:retried', () => this.#retryMessage(retry));
  }

  onRetryAfter(): void {
    this.#parts.waiters.check();
  }

  onSpoolReport({ code, message, status, attempts = 0, events, count, cause }: SpoolReport): void {
    const given = events && { events: () => readTexts(events) };
    const system = cause === undefined ? undefined : { cause: new Error(cause) };
    const details = { status, attempts, count: count ?? 0, ...given, ...system };
    const error = new AnalyticsError(code, message, details);
    const { owner: analytics } = this.#parts;
    this.#reports.push(() => this.#callbacks.report(error));
    this.#reports.push(() => publish('offthread:spool', () => ({ analytics, error })));
    this.runReports();
    this.#parts.waiters.check();
  }

  onRecovered(count: number): void {
    publish('offthread:recovered', () => ({ analytics: this.#parts.owner, count }));
  }

  onStored(id: number): void {
    this.storeReplies = id;
    this.#parts.waiters.check();
  }

  onStartDelayed(error: Error): void {
    this.#callbacks.reportDelay(error);
  }

  onUnavailable(error: Error, hasSpool: boolean): void {
    const { newestCallback, settled, count, accepted } = this.#pendingEvents;
    const isHeard = this.#callbacks.hasOnError || newestCallback > settled;
    if (!isHeard && count > 0) warnOnce(error.message);
    if (count > 0) this.#unavailable = error.message;
    else if (hasSpool) this.#reportUnavailable(error);
    this.drop(accepted, 'worker_unavailable', error.message, { cause: error.cause });
  }

  onRepeatedCrash(through: number): void {
    const message =
      'The worker thread crashed three times in a row while it processed a batch with these events';
    this.drop(through, 'worker_crashed', message);
  }

  /** Settles the events up to `through` as left. They are on disk, and another process sends them. */
  leave(through: number): void {
    if (through <= this.#pendingEvents.settled) return;
    const message =
      'The event was not sent yet. It is on disk, and the next process with this write key sends it';
    const error = new AnalyticsError('stored', message);
    this.#settle(Math.min(through, this.#pendingEvents.accepted), error, 'left');
  }

  /** Settles the events up to `through` as dropped. */
  drop(through: number, code: ErrorCode, message: string, details: ErrorDetails = {}): void {
    if (through <= this.#pendingEvents.settled) return;
    const error = new AnalyticsError(code, message, { ...this.#lostEvents(through), ...details });
    this.#settle(through, error, 'dropped');
  }

  /** Runs all reports. Only then does the exit hook stop tracking the client. */
  runReports(): void {
    if (this.#isNoting) {
      this.#reportSoon();
      return;
    }
    this.#reports.run();
    if (this.#pendingEvents.count === 0) this.#parts.onIdle();
  }

  /** None of its own events tells the client that those in its spool aren't sent. */
  #reportUnavailable({ message, cause }: Error): void {
    if (this.#unavailable === message) return;
    this.#unavailable = message;
    const error = new AnalyticsError('worker_unavailable', message, { cause });
    this.#reports.push(() => this.#callbacks.report(error));
    this.runReports();
  }

  #reportSoon(): void {
    if (this.#isReportDue) return;
    this.#isReportDue = true;
    defer(() => {
      this.#isReportDue = false;
      this.runReports();
    });
  }

  /** Settles all events up to `through`. Counts them before it reports them, because callbacks may call the client. */
  #settle(
    through: number,
    error: AnalyticsError | undefined,
    how: 'failed' | 'dropped' | 'left' = 'failed',
  ): void {
    const { owner: analytics, counters } = this.#parts;
    const count = through - this.#pendingEvents.settled;
    const callbacks = this.#pendingEvents.settle(through);
    if (error === undefined) counters.deliver(count);
    else if (how === 'left') counters.leave(count);
    else if (how === 'failed') counters.fail(count);
    else counters.drop(error.code, count);
    for (const callback of callbacks) this.#reports.push(() => this.#callbacks.call(callback, error));
    if (error !== undefined && how !== 'left') this.#reports.push(() => this.#callbacks.report(error));
    this.#reports.push(() => {
      if (error === undefined) publish('offthread:delivered', () => ({ analytics, count }));
      else if (how === 'left') publish('offthread:left', () => ({ analytics, count }));
      else publish(`offthread:${how}`, () => ({ analytics, count, error }));
    });
    this.runReports();
    this.#parts.waiters.check();
  }

  #retryMessage({ count, attempts, status, message }: Retry): DiagnosticMessages['offthread:retried'] {
    return { analytics: this.#parts.owner, count, attempts, status, message };
  }

  #lostEvents(through: number): { events: () => SentEvent[]; count: number } {
    return { events: this.#pendingEvents.lostEvents(through), count: through - this.#pendingEvents.settled };
  }

  /** The events come from the message, because their memory may have been reused. */
  #spooledEvents(through: number, texts: readonly string[]): { events: () => SentEvent[]; count: number } {
    return { events: () => readTexts(texts), count: through - this.#pendingEvents.settled };
  }
}

function readTexts(texts: readonly string[]): SentEvent[] {
  return texts.map((text) => JSON.parse(text));
}

let hasWarned = false;

/** Warns that nothing is sent, once per process. For clients without `onError` and without pending callbacks. */
function warnOnce(message: string): void {
  if (hasWarned) return;
  hasWarned = true;
  const type = 'OffthreadWarning';
  inRootContext(() => process.emitWarning(message, { type, code: 'OFFTHREAD_WORKER_UNAVAILABLE' }));
}
