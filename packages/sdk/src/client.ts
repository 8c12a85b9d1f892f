// The life of a client: creates its parts, flushes, closes, and gives up pending events when the process ends. Events
// go to event-acceptor.ts and outcomes to outcome-reporter.ts.
//
//   open -> closing -> closed
//
// At any time, accepted = delivered + failed + dropped + left + pending.
import { nanoid } from 'nanoid';
import { LIBRARY_TEXT } from './event/encode.js';
import { EventAcceptor } from './event-acceptor.js';
import { type ExitParticipant, untrackPending } from './flush/exit.js';
import { Flush, type FlushResult, type FlushTimeout } from './flush/flush.js';
import { FlushWaiters } from './flush/flush-waiters.js';
import { addSignalHandlers, removeSignalHandlers } from './flush/signal-handlers.js';
import { untilSettled, untilStored } from './flush/wait.js';
import { OutcomeReporter } from './outcome-reporter.js';
import { PendingEvents } from './pending/pending-events.js';
import { RejectionReporter } from './rejection-reporter.js';
import { CallbackRunner } from './report/callback-runner.js';
import { Counters, type Mode, type Stats } from './report/counters.js';
import { now } from './runtime/clock.js';
import { inRootContext } from './runtime/root-context.js';
import type { Settings } from './settings/settings.js';
import { chooseTransport } from './thread/choose-transport.js';
import type { CreateTransport, Transport } from './thread/transport.js';

/**
 * How long, in milliseconds, to wait for the disk when a client or the process ends. By then, nearly all events are
 * already stored.
 */
const STORE_AT_END_MS = 1_000;

export class Client implements ExitParticipant {
  /** What the event methods call. */
  readonly acceptor: EventAcceptor;
  readonly flushTimeout: number;
  readonly flushOnExit: boolean;
  readonly flushOnSignals: readonly NodeJS.Signals[];
  readonly #storesOnExit: boolean;
  readonly #pendingEvents = new PendingEvents({ idPrefix: `${nanoid()}-`, library: LIBRARY_TEXT });
  readonly #counters = new Counters();
  readonly #mode: Mode;
  readonly #transport: Transport;
  readonly #callbacks: CallbackRunner;
  readonly #outcomes: OutcomeReporter;
  readonly #waiters = new FlushWaiters();
  /** Sequence number of the newest event whose callback has kept the process running. */
  #heldThrough = 0;
  #closing: Promise<FlushResult> | undefined;

  /** @param owner the public object, which is published on diagnostics channels. */
  constructor(settings: Settings, owner: object, createTransport?: CreateTransport) {
    this.flushTimeout = settings.flushTimeout;
    this.flushOnExit = settings.flushOnExit !== false;
    this.flushOnSignals = settings.flushOnSignals;
    this.#storesOnExit = settings.flushOnExit === 'store';
    const [pendingEvents, counters, waiters] = [this.#pendingEvents, this.#counters, this.#waiters];
    const callbacks = new CallbackRunner(settings.onError);
    const onIdle = (): void => untrackPending(this);
    this.#callbacks = callbacks;
    this.#outcomes = new OutcomeReporter({ owner, pendingEvents, counters, callbacks, waiters, onIdle });
    const [mode, create] = chooseTransport(settings, createTransport);
    this.#mode = mode;
    this.#transport = create(pendingEvents, settings, this.#outcomes);
    const rejections = new RejectionReporter(owner, settings.flushTimeout, counters, callbacks);
    this.acceptor = new EventAcceptor(settings, pendingEvents, this.#transport, rejections, this);
    addSignalHandlers(this);
  }

  /** Whether the process, when it ends, only stores events and doesn't wait for the API. */
  get #isStoredOnExit(): boolean {
    const { spool } = this.#transport;
    return this.#storesOnExit && spool !== undefined && !spool.isFailing;
  }

  get stats(): Stats {
    this.#transport.catchUp();
    const { delivered, failed, dropped, refused, left, droppedAtCall } = this.#counters;
    const accepted = this.#pendingEvents.accepted + droppedAtCall;
    const { count: pending } = this.#pendingEvents;
    const settled = { delivered, failed, dropped, refused, left, pending };
    const { spool, requestCounts } = this.#transport;
    return { mode: this.#mode, accepted, ...settled, ...requestCounts, ...(spool && { spool: spool.stats }) };
  }

  /** @param timeout total milliseconds. Default: `flushTimeout`, counted from the last settled event. */
  flush(timeout: number | undefined): FlushResult {
    const flush = this.#beginFlush(timeout);
    this.#transport.block(flush);
    // Events that settled before the flush may have callbacks that are still due.
    this.#outcomes.runReports();
    return flush.result;
  }

  async flushAsync(timeout: number | undefined): Promise<FlushResult> {
    const flush = this.#beginFlush(timeout);
    await this.#waiters.wait(flush, (deadline) => this.#transport.isHeldPast(deadline));
    return flush.result;
  }

  #beginFlush(timeout: number | undefined): Flush {
    this.#transport.catchUp();
    const isRenewed = timeout === undefined;
    const flush = this.#createFlush({ timeout: timeout ?? this.flushTimeout, isRenewed });
    this.#callbacks.runDeferred();
    this.#transport.requestFlush();
    return flush;
  }

  #createFlush(timeout: FlushTimeout): Flush {
    return new Flush(this.#pendingEvents, this.#counters, this.#transport, timeout);
  }

  /** Resolves when all events accepted before the call are on disk or settled. */
  async stored(timeout: number): Promise<'ok' | 'timeout' | 'failed'> {
    const { spool } = this.#transport;
    // In these modes, nothing is sent.
    if (this.#mode === 'disabled' || this.#mode === 'test') return 'ok';
    if (spool === undefined) return 'failed';
    const wait = untilStored(this.#pendingEvents, now() + timeout);
    // The first reply means that the worker is running. From then on, events are on disk within milliseconds.
    if (wait.done && this.#outcomes.storeReplies > 0) return 'ok';
    const request = this.#transport.requestStore();
    const isOver = (): boolean => this.#outcomes.storeReplies >= request;
    const isPointless = (): boolean => isOver() || this.#transport.failure !== undefined;
    await this.#waiters.wait({ deadline: wait.deadline, done: false }, isPointless);
    if (!isOver()) return this.#transport.failure === undefined ? 'timeout' : 'failed';
    return wait.done ? 'ok' : 'failed';
  }

  close(timeout: number): Promise<FlushResult> {
    this.acceptor.close();
    // The promise is stored. Without the root context it would keep the context of the closing request alive.
    this.#closing ??= inRootContext(() => this.#close(timeout));
    return this.#closing;
  }

  async #close(timeout: number): Promise<FlushResult> {
    this.#transport.catchUp();
    // With a timeout of 0, no flush is requested: events would be sent just before they are reported as dropped.
    const atOnce = timeout === 0 ? this.#createFlush({ timeout, isRenewed: false }) : undefined;
    const result = atOnce?.result ?? (await this.flushAsync(timeout));
    if (this.#transport.spool !== undefined && this.#pendingEvents.count > 0)
      await this.stored(STORE_AT_END_MS);
    const released = this.#giveUp('closed', 'The client was closed before the event was sent');
    removeSignalHandlers(this);
    this.#callbacks.close();
    await released;
    return result;
  }

  startFlush(): void {
    this.#transport.requestStore();
    if (!this.#isStoredOnExit) this.#transport.requestFlush();
  }

  finishFlush(deadline: number): boolean {
    if (this.#isStoredOnExit) {
      this.#transport.block(untilStored(this.#pendingEvents, deadline));
      // The disk may have failed while we waited.
      if (this.#isStoredOnExit) return this.#pendingEvents.count === 0;
      this.#transport.requestFlush();
    }
    return this.#finishFlush(deadline);
  }

  #finishFlush(deadline: number): boolean {
    const wait = untilSettled(this.#pendingEvents, this.#pendingEvents.accepted, deadline);
    const isDone = this.#transport.block(wait);
    // Needed if a callback ended the process before all reports had run.
    this.#outcomes.runReports();
    return isDone;
  }

  holdForCallbacks(): void {
    const { newestCallback, settled } = this.#pendingEvents;
    if (newestCallback <= Math.max(settled, this.#heldThrough)) return;
    // Only once for each callback. Otherwise an API that never answers would keep the process running forever.
    this.#heldThrough = newestCallback;
    this.#transport.requestFlush();
    const wait = untilSettled(this.#pendingEvents, newestCallback, now() + this.flushTimeout);
    void this.#waiters.wait(wait, (deadline) => this.#transport.isHeldPast(deadline));
  }

  abandon(): void {
    this.acceptor.close();
    if (this.#pendingEvents.inMemory > 0 && this.#transport.spool !== undefined) {
      this.#transport.requestStore();
      this.#transport.block(untilStored(this.#pendingEvents, now() + STORE_AT_END_MS));
    }
    void this.#giveUp('exit_timeout', 'The process ended before the event was sent');
  }

  /** Releases the transport, and drops the pending events that aren't on disk. Resolves when it is released. */
  #giveUp(code: 'closed' | 'exit_timeout', message: string): Promise<void> {
    // Counts what the worker has already reported.
    this.#finishFlush(0);
    // Before dropping events. Otherwise the worker could send events that are reported as dropped.
    const released = this.#transport.release();
    const { spool } = this.#transport;
    if (spool !== undefined) this.#outcomes.leave(spool.survivingThrough(this.#pendingEvents.accepted));
    this.#outcomes.drop(this.#pendingEvents.accepted, code, message, this.#transport.lastAttempt);
    return released;
  }
}
