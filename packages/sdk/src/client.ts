// What the public methods call: accepts events, counts them, and reports how they ended. Next: event-acceptor.ts and
// worker-transport.ts for events, callback-runner.ts for reports.
//
//   open -> closing -> closed
//
// At any time, accepted = delivered + failed + dropped + left + pending.
import type { Outcome, Retry, SpoolReport } from '@offthread/worker/protocol';
import { nanoid } from 'nanoid';
import { AnalyticsError, type ErrorCode, type ErrorDetails, type SentEvent } from './errors.js';
import { LIBRARY_TEXT } from './event/encode.js';
import type { AnyEvent, EventType } from './event/event.js';
import type { Callback } from './event/methods.js';
import { readSentEvents } from './event/resend.js';
import type { ScopeSource } from './event/scope.js';
import { EventAcceptor, type Rejection } from './event-acceptor.js';
import { type ExitParticipant, isTooLate, trackPending, untrackPending } from './flush/exit.js';
import { Flush, type FlushResult } from './flush/flush.js';
import { FlushWaiters } from './flush/flush-waiters.js';
import { addSignalHandlers, removeSignalHandlers } from './flush/signal-handlers.js';
import type { Wait } from './flush/wait.js';
import { PendingEvents } from './pending/pending-events.js';
import { BoundCallback } from './report/bound-callback.js';
import { CallbackRunner } from './report/callback-runner.js';
import { Counters, type Mode, type Stats } from './report/counters.js';
import { type DiagnosticMessages, publish } from './report/diagnostics.js';
import { ReportQueue } from './report/report-queue.js';
import { defer, now } from './runtime/clock.js';
import { inRootContext } from './runtime/root-context.js';
import type { Settings } from './settings/settings.js';
import { chooseTransport } from './thread/choose-transport.js';
import type { CreateTransport, Transport, TransportListener } from './thread/transport.js';

/**
 * How long, in milliseconds, to wait for the disk when a client or the process ends. By then, nearly all events are
 * already stored.
 */
const STORE_AT_END_MS = 1_000;

export class Client implements ExitParticipant, TransportListener {
  readonly #owner: object;
  readonly #settings: Settings;
  readonly #pendingEvents = new PendingEvents({ idPrefix: `${nanoid()}-`, library: LIBRARY_TEXT });
  readonly #counters = new Counters();
  readonly #mode: Mode;
  readonly #transport: Transport;
  readonly #acceptor: EventAcceptor;
  readonly #callbacks: CallbackRunner;
  readonly #reports = new ReportQueue();
  readonly #waiters = new FlushWaiters();
  /** Sequence number of the newest event whose callback has kept the process running. */
  #heldThrough = 0;
  /** Id of the last finished `requestStore()`. */
  #storeReplies = 0;
  #closing: Promise<FlushResult> | undefined;
  /** Whether reports must wait until the running code has ended. */
  #isNoting = false;
  #isReportDue = false;

  /** @param owner the public object, which is published on diagnostics channels. */
  constructor(settings: Settings, owner: object, createTransport?: CreateTransport) {
    this.#owner = owner;
    this.#settings = settings;
    this.#callbacks = new CallbackRunner(settings.onError);
    const [mode, create] = chooseTransport(settings, createTransport);
    this.#mode = mode;
    this.#transport = create(this.#pendingEvents, settings, this);
    this.#acceptor = new EventAcceptor(settings, this.#pendingEvents, this.#transport);
    addSignalHandlers(this);
  }

  get flushTimeout(): number {
    return this.#settings.flushTimeout;
  }

  get flushOnExit(): boolean {
    return this.#settings.flushOnExit !== false;
  }

  /** Whether the process, when it ends, only stores events and doesn't wait for the API. */
  get #isStoredOnExit(): boolean {
    const { spool } = this.#transport;
    return this.#settings.flushOnExit === 'store' && spool !== undefined && !spool.isFailing;
  }

  get flushOnSignals(): readonly NodeJS.Signals[] {
    return this.#settings.flushOnSignals;
  }

  get stats(): Stats {
    this.#transport.catchUp();
    const { delivered, failed, dropped, refused, left, droppedAtCall } = this.#counters;
    const accepted = this.#pendingEvents.accepted + droppedAtCall;
    const { count: pending } = this.#pendingEvents;
    const settled = { delivered, failed, dropped, refused, left, pending };
    const { spool } = this.#transport;
    const spoolStats = spool && { spool: spool.stats };
    return { mode: this.#mode, accepted, ...settled, ...this.#transport.requestCounts, ...spoolStats };
  }

  withContext<T, A>(fields: ScopeSource, run: (argument: A) => T, argument: A): T {
    return this.#acceptor.withContext(fields, run, argument);
  }

  /** Accepts an event. Returns false if it can't. */
  accept(type: EventType, event: AnyEvent, callback: Callback | undefined): boolean {
    return this.#finishAccept(this.#acceptor.accept(type, event, callback), callback);
  }

  /** Accepts events again, in order, and stops at the first that it can't accept. Returns the number accepted. */
  resend(events: readonly SentEvent[]): number {
    if (!this.#acceptor.isOpen) return 0;
    let accepted = 0;
    for (const again of readSentEvents(events)) {
      if (!this.#finishAccept(this.#acceptor.accept(again.type, again.event, undefined, again))) break;
      accepted++;
    }
    return accepted;
  }

  /** @param timeout total milliseconds. Default: `flushTimeout`, counted from the last settled event. */
  flush(timeout: number | undefined): FlushResult {
    const flush = this.#beginFlush(timeout);
    this.#transport.block(flush);
    return flush.result;
  }

  /** @param timeout as for `flush`. */
  async flushAsync(timeout: number | undefined): Promise<FlushResult> {
    const flush = this.#beginFlush(timeout);
    await this.#waiters.wait(flush, (deadline) => this.#transport.isHeldPast(deadline));
    return flush.result;
  }

  close(timeout: number): Promise<FlushResult> {
    this.#acceptor.close();
    // The promise is stored. Without the root context it would keep the context of the closing request alive.
    this.#closing ??= inRootContext(() => this.#close(timeout));
    return this.#closing;
  }

  /** Resolves when all events accepted before the call are on disk or settled. */
  async stored(timeout: number): Promise<'ok' | 'timeout' | 'failed'> {
    const { spool } = this.#transport;
    // In these modes, nothing is sent.
    if (this.#mode === 'disabled' || this.#mode === 'test') return 'ok';
    if (spool === undefined) return 'failed';
    const wait = this.#waitForStore(now() + timeout);
    // The first reply means that the worker is running. From then on, events are on disk within milliseconds.
    if (wait.done && this.#storeReplies > 0) return 'ok';
    const request = this.#transport.requestStore();
    const isOver = (): boolean => this.#storeReplies >= request;
    await this.#waiters.wait({ deadline: wait.deadline, done: false }, isOver);
    if (!isOver()) return 'timeout';
    return wait.done ? 'ok' : 'failed';
  }

  startFlush(): void {
    this.#transport.requestStore();
    if (!this.#isStoredOnExit) this.#transport.requestFlush();
  }

  finishFlush(deadline: number): boolean {
    if (this.#isStoredOnExit) {
      this.#transport.block(this.#waitForStore(deadline));
      // The disk may have failed while we waited.
      if (this.#isStoredOnExit) return this.#pendingEvents.count === 0;
      this.#transport.requestFlush();
    }
    return this.#finishFlush(deadline);
  }

  #finishFlush(deadline: number): boolean {
    const isDone = this.#transport.block(this.#waitFor(this.#pendingEvents.accepted, deadline));
    // Needed if a callback ended the process before all reports had run.
    this.#report();
    return isDone;
  }

  holdForCallbacks(): void {
    const { newestCallback, settled } = this.#pendingEvents;
    if (newestCallback <= Math.max(settled, this.#heldThrough)) return;
    // Only once for each callback. Otherwise an API that never answers would keep the process running forever.
    this.#heldThrough = newestCallback;
    this.#transport.requestFlush();
    const wait = this.#waitFor(newestCallback, now() + this.flushTimeout);
    void this.#waiters.wait(wait, (deadline) => this.#transport.isHeldPast(deadline));
  }

  abandon(): void {
    this.#acceptor.close();
    if (this.#pendingEvents.inMemory > 0 && this.#transport.spool !== undefined) {
      this.#transport.requestStore();
      this.#transport.block(this.#waitForStore(now() + STORE_AT_END_MS));
    }
    // Counts what the worker has already reported.
    this.#finishFlush(0);
    // Before dropping events. Otherwise the worker could send events that are reported as dropped.
    void this.#transport.release();
    this.#leave(this.#pendingEvents.stored);
    const message = 'The process ended before the event was sent';
    this.#drop(this.#pendingEvents.accepted, 'exit_timeout', message, this.#transport.lastAttempt);
  }

  onOutcome(outcome: Outcome): void {
    // A message from an abandoned thread, about events that have settled since.
    if (outcome.through <= this.#pendingEvents.settled) return;
    this.#callbacks.isDelayed = false;
    if (outcome.type === 'delivered') this.#settle(outcome.through, undefined);
    else if (outcome.type === 'left') this.#leave(outcome.through);
    else {
      const { through, code, message, status, attempts, events } = outcome;
      const lost = events === undefined ? this.#lostEvents(through) : this.#spooledEvents(through, events);
      const error = new AnalyticsError(code, message, { status, attempts, ...lost });
      this.#settle(through, error, outcome.type);
    }
  }

  onSpoolReport({ code, message, status, attempts = 0, events, count, cause }: SpoolReport): void {
    const given = events && { events: () => readTexts(events) };
    const system = cause === undefined ? undefined : { cause: new Error(cause) };
    const details = { status, attempts, count: count ?? 0, ...given, ...system };
    const error = new AnalyticsError(code, message, details);
    const analytics = this.#owner;
    this.#reports.push(() => this.#callbacks.report(error));
    this.#reports.push(() => publish('offthread:spool', () => ({ analytics, error })));
    this.#report();
    this.#waiters.check();
  }

  onRecovered(count: number): void {
    publish('offthread:recovered', () => ({ analytics: this.#owner, count }));
  }

  onStored(id: number): void {
    this.#storeReplies = id;
    this.#waiters.check();
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
    this.#waiters.check();
  }

  onStartDelayed(error: Error): void {
    this.#callbacks.reportDelay(error);
  }

  onUnavailable(error: Error): void {
    const isHeard =
      this.#settings.onError !== undefined ||
      this.#pendingEvents.newestCallback > this.#pendingEvents.settled;
    if (!isHeard && this.#pendingEvents.count > 0) warnOnce(error.message);
    this.#drop(this.#pendingEvents.accepted, 'worker_unavailable', error.message, { cause: error.cause });
  }

  onRepeatedCrash(through: number): void {
    this.#drop(
      through,
      'worker_crashed',
      'The worker thread died of these events, or of what came with them',
    );
  }

  /** Settles the events up to `through` as left. They are on disk, and another process sends them. */
  #leave(through: number): void {
    if (through <= this.#pendingEvents.settled) return;
    const message = 'The event was not sent; it is on the disk, and the next process sends it';
    this.#settle(
      Math.min(through, this.#pendingEvents.accepted),
      new AnalyticsError('stored', message),
      'left',
    );
  }

  /** The events come from the message, because their memory may have been reused. */
  #spooledEvents(through: number, texts: readonly string[]): { events: () => SentEvent[]; count: number } {
    return { events: () => readTexts(texts), count: through - this.#pendingEvents.settled };
  }

  #drop(through: number, code: ErrorCode, message: string, details: ErrorDetails = {}): void {
    if (through <= this.#pendingEvents.settled) return;
    const error = new AnalyticsError(code, message, { ...this.#lostEvents(through), ...details });
    this.#settle(through, error, 'dropped');
  }

  #retryMessage({ count, attempts, status, message }: Retry): DiagnosticMessages['offthread:retried'] {
    return { analytics: this.#owner, count, attempts, status, message };
  }

  #lostEvents(through: number): { events: () => SentEvent[]; count: number } {
    return { events: this.#pendingEvents.lostEvents(through), count: through - this.#pendingEvents.settled };
  }

  /** Settles all events up to `through`. Counts them before it reports them, because callbacks may call this client. */
  #settle(
    through: number,
    error: AnalyticsError | undefined,
    how: 'failed' | 'dropped' | 'left' = 'failed',
  ): void {
    const count = through - this.#pendingEvents.settled;
    const callbacks = this.#pendingEvents.settle(through);
    if (error === undefined) this.#counters.deliver(count);
    else if (how === 'left') this.#counters.leave(count);
    else if (how === 'failed') this.#counters.fail(count);
    else this.#counters.drop(error.code, count);
    for (const callback of callbacks) this.#reports.push(() => this.#callbacks.call(callback, error));
    if (error !== undefined && how !== 'left') this.#reports.push(() => this.#callbacks.report(error));
    const analytics = this.#owner;
    this.#reports.push(() => {
      if (error === undefined) publish('offthread:delivered', () => ({ analytics, count }));
      else if (how === 'left') publish('offthread:left', () => ({ analytics, count }));
      else publish(`offthread:${how}`, () => ({ analytics, count, error }));
    });
    this.#report();
    this.#waiters.check();
  }

  /** Waits for all events up to `through` to settle. `deadline` is on the clock of `now()`. */
  #waitFor(through: number, deadline: number): Wait {
    const pendingEvents = this.#pendingEvents;
    return {
      deadline,
      get done() {
        return pendingEvents.settled >= through;
      },
    };
  }

  /** Waits for all events to be on disk or settled. `deadline` is on the clock of `now()`. */
  #waitForStore(deadline: number): Wait {
    const pendingEvents = this.#pendingEvents;
    const { accepted } = pendingEvents;
    return {
      deadline,
      get done() {
        return Math.max(pendingEvents.stored, pendingEvents.settled) >= accepted;
      },
    };
  }

  /** Runs all reports. Only then does the exit hook stop tracking this client. */
  #report(): void {
    if (this.#isNoting) {
      this.#reportSoon();
      return;
    }
    this.#reports.run();
    if (this.#pendingEvents.count === 0) untrackPending(this);
  }

  #reportSoon(): void {
    if (this.#isReportDue) return;
    this.#isReportDue = true;
    defer(() => {
      this.#isReportDue = false;
      this.#report();
    });
  }

  /** Finishes a call. Returns whether the event counts as accepted. */
  #finishAccept(rejection: Rejection | undefined, callback?: Callback): boolean {
    if (rejection !== undefined) return this.#reject(rejection, callback);
    this.#transport.scheduleSend();
    if (this.#pendingEvents.count === 1) trackPending(this);
    return true;
  }

  #reject({ code, message, cause, type, event }: Rejection, callback: Callback | undefined): boolean {
    const analytics = this.#owner;
    const details = { events: [readableFields(type, event)], cause };
    const error = (): AnalyticsError => new AnalyticsError(code, message, details);
    if (typeof callback === 'function') this.#callbacks.callLater(new BoundCallback(callback), error);
    if (code === 'before_send' || code === 'before_send_failed') {
      this.#counters.dropAtCall(code);
      if (code === 'before_send_failed') this.#callbacks.report(error());
      publish('offthread:dropped', () => ({ analytics, count: 1, error: error() }));
      return true;
    }
    this.#counters.refuse(code);
    // Not reported at the end of the process. An `onError` that creates a client for each error would never stop.
    if (code === 'closed' && isTooLate(this.flushTimeout)) return false;
    if (code === 'unserializable' || code === 'event_too_large') this.#callbacks.report(error());
    else this.#callbacks.reportRarely(code, message, details);
    publish('offthread:refused', () => ({ analytics, count: 1, code, type }));
    return false;
  }

  #beginFlush(timeout: number | undefined): Flush {
    this.#transport.catchUp();
    const flushTimeout = { timeout: timeout ?? this.flushTimeout, isRenewed: timeout === undefined };
    const flush = new Flush(this.#pendingEvents, this.#counters, this.#transport, flushTimeout);
    this.#callbacks.runDeferred();
    this.#transport.requestFlush();
    return flush;
  }

  async #close(timeout: number): Promise<FlushResult> {
    this.#transport.catchUp();
    // With a timeout of 0, no flush is requested: events would be sent just before they are reported as dropped.
    const flushTimeout = { timeout: 0, isRenewed: false };
    const flush =
      timeout === 0
        ? new Flush(this.#pendingEvents, this.#counters, this.#transport, flushTimeout)
        : undefined;
    const result = flush?.result ?? (await this.flushAsync(timeout));
    if (this.#transport.spool !== undefined && this.#pendingEvents.count > 0)
      await this.stored(STORE_AT_END_MS);
    // Counts what the worker has already reported.
    this.#finishFlush(0);
    // Before dropping events. Otherwise the worker could send events that are reported as dropped.
    const released = this.#transport.release();
    this.#leave(this.#pendingEvents.stored);
    const message = 'The client was closed before the event was sent';
    this.#drop(this.#pendingEvents.accepted, 'closed', message, this.#transport.lastAttempt);
    removeSignalHandlers(this);
    this.#callbacks.close();
    await released;
    return result;
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

/** The fields of a rejected event, as far as they can be read. Its getters may throw. */
function readableFields(type: EventType, event: AnyEvent): Readonly<Record<string, unknown>> {
  try {
    return { type, ...event };
  } catch {
    return { type };
  }
}
