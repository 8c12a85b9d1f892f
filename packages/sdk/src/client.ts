// Event -> accepted -> settled: what is behind the public methods, and the keeper of the accounts. Next: intake.ts,
// link.ts; on the way back reporter.ts.
//
//   open -> closing -> closed
//
// At every moment: accepted = delivered + failed + dropped + pending.
import type { Outcome, Retry } from '@offthread/worker/protocol';
import { nanoid } from 'nanoid';
import { AnalyticsError, type ErrorCode, type ErrorDetails, type SentEvent } from './errors.js';
import { LIBRARY_TEXT } from './event/encode.js';
import type { AnyEvent, EventType } from './event/event.js';
import { reopen } from './event/resend.js';
import type { ScopeSource } from './event/scope.js';
import { Intake, type TurnedAway } from './event-acceptor.js';
import { forget, isTooLate, type Leaver, listen, remember, unlisten } from './flush/exit.js';
import { Flush, type FlushResult } from './flush/flush.js';
import { Watchers } from './flush/flush-waiters.js';
import type { Wait } from './flush/wait.js';
import { Ledger } from './pending/pending-events.js';
import { BoundCallback, type Callback } from './report/bound-callback.js';
import { Reporter } from './report/callback-runner.js';
import { type Stats, Tally } from './report/counters.js';
import { type DiagnosticMessages, publish } from './report/diagnostics.js';
import { ReportQueue } from './report/report-queue.js';
import { now } from './runtime/clock.js';
import { inRootContext } from './runtime/root-context.js';
import type { Settings } from './settings/settings.js';
import { choose, type Mode } from './thread/mode.js';
import type { Carrier, Connect, Correspondent } from './thread/transport.js';

export class Client implements Leaver, Correspondent {
  readonly #owner: object;
  readonly #settings: Settings;
  readonly #ledger = new Ledger({ idPrefix: `${nanoid()}-`, library: LIBRARY_TEXT });
  readonly #tally = new Tally();
  readonly #mode: Mode;
  readonly #link: Carrier;
  readonly #intake: Intake;
  readonly #reporter: Reporter;
  readonly #reports = new ReportQueue();
  readonly #watchers = new Watchers();
  /** Sequence number up to which pending callbacks have held the process open. */
  #heldFor = 0;
  #closing: Promise<FlushResult> | undefined;

  /** @param owner what the user knows as the client. */
  constructor(settings: Settings, owner: object, connect?: Connect) {
    this.#owner = owner;
    this.#settings = settings;
    this.#reporter = new Reporter(settings.onError);
    const [mode, connected] = choose(settings, connect);
    this.#mode = mode;
    this.#link = connected(this.#ledger, settings, this);
    this.#intake = new Intake(settings, this.#ledger, this.#link);
    listen(this);
  }

  get flushTimeout(): number {
    return this.#settings.flushTimeout;
  }

  get flushOnExit(): boolean {
    return this.#settings.flushOnExit;
  }

  get flushOnSignals(): readonly NodeJS.Signals[] {
    return this.#settings.flushOnSignals;
  }

  get stats(): Stats {
    const { delivered, failed, dropped, refused, droppedAtCall } = this.#tally;
    const accepted = this.#ledger.accepted + droppedAtCall;
    const { pending } = this.#ledger;
    const settled = { delivered, failed, dropped, refused, pending };
    return { mode: this.#mode, accepted, ...settled, ...this.#link.counters };
  }

  withContext<T, A>(fields: ScopeSource, run: (argument: A) => T, argument: A): T {
    return this.#intake.withContext(fields, run, argument);
  }

  /** Takes an event over; false where it cannot. */
  accept(type: EventType, event: AnyEvent, callback: Callback | undefined): boolean {
    return this.#taken(this.#intake.take(type, event, callback), callback);
  }

  /** Takes events over once more, up to the first it cannot; returns how many. */
  resend(events: readonly SentEvent[]): number {
    if (!this.#intake.open) return 0;
    let accepted = 0;
    for (const again of reopen(events)) {
      if (!this.#taken(this.#intake.take(again.type, again.event, undefined, again))) break;
      accepted++;
    }
    return accepted;
  }

  /** @param timeout milliseconds in all. Default: `flushTimeout` from the last event that settled. */
  flush(timeout: number | undefined): FlushResult {
    const flush = this.#beginFlush(timeout);
    this.#link.block(flush);
    return flush.result;
  }

  /** @param timeout as of `flush`. */
  async flushAsync(timeout: number | undefined): Promise<FlushResult> {
    const flush = this.#beginFlush(timeout);
    await this.#watchers.until(flush, (deadline) => this.#link.isHeldPast(deadline));
    return flush.result;
  }

  close(timeout: number): Promise<FlushResult> {
    this.#intake.shut();
    // The promise is kept, and would keep the context of the request that closes the client.
    this.#closing ??= inRootContext(() => this.#close(timeout));
    return this.#closing;
  }

  startFlush(): void {
    this.#link.hurry();
  }

  finishFlush(deadline: number): boolean {
    const isDone = this.#link.block(this.#waitFor(this.#ledger.accepted, deadline));
    // Left over if a callback ends the process.
    this.#report();
    return isDone;
  }

  holdForCallbacks(): void {
    const { newestCallback, settled } = this.#ledger;
    if (newestCallback <= Math.max(settled, this.#heldFor)) return;
    // Once for each: an API that never answers must not hold the process for ever.
    this.#heldFor = newestCallback;
    this.startFlush();
    const wait = this.#waitFor(newestCallback, now() + this.flushTimeout);
    void this.#watchers.until(wait, (deadline) => this.#link.isHeldPast(deadline));
  }

  abandon(): void {
    this.#intake.shut();
    // What the worker has told already still counts.
    this.finishFlush(0);
    // First, so that the worker does not send what is reported as dropped.
    void this.#link.release();
    const message = 'The process ended before the event was sent';
    this.#drop(this.#ledger.accepted, 'exit_timeout', message, this.#link.lastTry);
  }

  receive(outcome: Outcome): void {
    // What a thread that was given up had still posted.
    if (outcome.through <= this.#ledger.settled) return;
    this.#reporter.isDelayed = false;
    if (outcome.type === 'delivered') this.#settle(outcome.through, undefined);
    else {
      const { through, code, message, status, attempts } = outcome;
      const error = new AnalyticsError(code, message, { status, attempts, ...this.#lose(through) });
      this.#settle(through, error, outcome.type);
    }
  }

  postponed(retry: Retry): void {
    publish('offthread:postponed', () => this.#told(retry));
  }

  retried(retry: Retry): void {
    publish('offthread:retried', () => this.#told(retry));
  }

  held(): void {
    this.#watchers.look();
  }

  delayed(error: Error): void {
    this.#reporter.reportDelay(error);
  }

  unavailable(error: Error): void {
    const isHeard =
      this.#settings.onError !== undefined || this.#ledger.newestCallback > this.#ledger.settled;
    if (!isHeard && this.#ledger.pending > 0) warnOnce(error.message);
    this.#drop(this.#ledger.accepted, 'worker_unavailable', error.message, { cause: error.cause });
  }

  poisoned(through: number): void {
    this.#drop(
      through,
      'worker_crashed',
      'The worker thread died of these events, or of what came with them',
    );
  }

  #drop(through: number, code: ErrorCode, message: string, details: ErrorDetails = {}): void {
    if (through <= this.#ledger.settled) return;
    const error = new AnalyticsError(code, message, { ...this.#lose(through), ...details });
    this.#settle(through, error, 'dropped');
  }

  #told({ count, attempts, status, message }: Retry): DiagnosticMessages['offthread:retried'] {
    return { analytics: this.#owner, count, attempts, status, message };
  }

  #lose(through: number): { events: () => SentEvent[]; count: number } {
    return { events: this.#ledger.lose(through), count: through - this.#ledger.settled };
  }

  /** Closes the account of all events up to `through`, and only then tells those concerned, who may call us back. */
  #settle(through: number, error: AnalyticsError | undefined, how: 'failed' | 'dropped' = 'failed'): void {
    const count = through - this.#ledger.settled;
    const callbacks = this.#ledger.settle(through);
    if (error === undefined) this.#tally.deliver(count);
    else if (how === 'failed') this.#tally.fail(count);
    else this.#tally.drop(error.code, count);
    for (const callback of callbacks) this.#reports.push(() => this.#reporter.tell(callback, error));
    if (error !== undefined) this.#reports.push(() => this.#reporter.report(error));
    const analytics = this.#owner;
    this.#reports.push(() => {
      if (error === undefined) publish('offthread:delivered', () => ({ analytics, count }));
      else publish(`offthread:${how}`, () => ({ analytics, count, error }));
    });
    this.#report();
    this.#watchers.look();
  }

  /** For all events up to `through`, until `deadline` by our clock. */
  #waitFor(through: number, deadline: number): Wait {
    const ledger = this.#ledger;
    return {
      deadline,
      get done() {
        return ledger.settled >= through;
      },
    };
  }

  /** Only then is the client done with what has settled, also for the exit hook. */
  #report(): void {
    this.#reports.run();
    if (this.#ledger.pending === 0) forget(this);
  }

  /** Whether an event counts as accepted. */
  #taken(away: TurnedAway | undefined, callback?: Callback): boolean {
    if (away !== undefined) return this.#turnAway(away, callback);
    this.#link.added();
    if (this.#ledger.pending === 1) remember(this);
    return true;
  }

  #turnAway({ code, message, cause, type, event }: TurnedAway, callback: Callback | undefined): boolean {
    const analytics = this.#owner;
    const details = { events: [shown(type, event)], cause };
    const error = (): AnalyticsError => new AnalyticsError(code, message, details);
    if (typeof callback === 'function') this.#reporter.tellLater(new BoundCallback(callback), error);
    if (code === 'before_send' || code === 'before_send_failed') {
      this.#tally.dropAtCall(code);
      if (code === 'before_send_failed') this.#reporter.report(error());
      publish('offthread:dropped', () => ({ analytics, count: 1, error: error() }));
      return true;
    }
    this.#tally.refuse(code);
    // Nobody is told at the very end of the process: an `onError` that makes a client for each error would have no end.
    if (code === 'closed' && isTooLate(this.flushTimeout)) return false;
    if (code === 'unserializable' || code === 'event_too_large') this.#reporter.report(error());
    else this.#reporter.reportRarely(code, message, details);
    publish('offthread:refused', () => ({ analytics, count: 1, code, type }));
    return false;
  }

  #beginFlush(timeout: number | undefined): Flush {
    const patience = { timeout: timeout ?? this.flushTimeout, isRenewed: timeout === undefined };
    const flush = new Flush(this.#ledger, this.#tally, this.#link, patience);
    this.#reporter.catchUp();
    this.startFlush();
    return flush;
  }

  async #close(timeout: number): Promise<FlushResult> {
    // Where nobody waits nothing is hurried: it would be sent just before it is reported as dropped.
    const patience = { timeout: 0, isRenewed: false };
    const flush = timeout === 0 ? new Flush(this.#ledger, this.#tally, this.#link, patience) : undefined;
    const result = flush?.result ?? (await this.flushAsync(timeout));
    // What the worker has told already still counts.
    this.finishFlush(0);
    // First, so that the worker does not send what is reported as dropped.
    const released = this.#link.release();
    const message = 'The client was closed before the event was sent';
    this.#drop(this.#ledger.accepted, 'closed', message, this.#link.lastTry);
    unlisten(this);
    this.#reporter.close();
    await released;
    return result;
  }
}

let hasWarned = false;

/** For where nobody else would be told that nothing is sent. */
function warnOnce(message: string): void {
  if (hasWarned) return;
  hasWarned = true;
  const type = 'OffthreadWarning';
  inRootContext(() => process.emitWarning(message, { type, code: 'OFFTHREAD_WORKER_UNAVAILABLE' }));
}

/** An event that was turned away, as far as it can be read: it may be the very one whose getters throw. */
function shown(type: EventType, event: AnyEvent): Readonly<Record<string, unknown>> {
  try {
    return { type, ...event };
  } catch {
    return { type };
  }
}
