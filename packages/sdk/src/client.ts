// Event -> accepted -> settled: what is behind the public methods, and the keeper of the accounts. Next: frame.ts,
// ledger.ts, chunk.ts, link.ts; on the way back reporter.ts.
//
//   open -> closing -> closed
//
// At every moment: accepted = delivered + failed + dropped + pending.
import type { DeliverySettings, Outcome } from '@offthread/worker/protocol';
import { nanoid } from 'nanoid';
import { Chunker } from './chunk.js';
import { AnalyticsError, type ErrorCode, type SentEvent, ValidationError } from './errors.js';
import { type AnyEvent, check, type EventType } from './event.js';
import { forget, type Leaver, listen, remember, unlisten } from './exit.js';
import { encode } from './frame.js';
import { type Callback, Ledger } from './ledger.js';
import { type Correspondent, Link } from './link.js';
import { Reporter } from './reporter.js';
import { reopen } from './sent-event.js';
import type { Settings } from './settings.js';
import { version } from './version.js';

/** How a flush went. */
export interface FlushResult {
  /**
   * `'ok'`: everything accepted before the flush is settled. `'timeout'`: time ran out, or it was certain that it
   * would. `'worker-dead'`: events were dropped because the worker thread could not be kept alive.
   */
  readonly status: 'ok' | 'timeout' | 'worker-dead';
  /** Events the API took during this flush. */
  readonly delivered: number;
  /** Events that failed or were dropped during this flush; `onError` has them. */
  readonly failed: number;
  /** Events accepted before the flush that are not settled. */
  readonly pending: number;
  /** Milliseconds it took. */
  readonly elapsedMs: number;
}

/** Counts since the client was made: `accepted = delivered + failed + dropped + pending`. */
export interface Stats {
  /** Events taken over: the calls that returned true. */
  readonly accepted: number;
  /** Events the API took, by a 2xx. */
  readonly delivered: number;
  /** Events given up after a request or more. */
  readonly failed: number;
  /** Events taken over and given up without a request, by code. */
  readonly dropped: Readonly<Partial<Record<ErrorCode, number>>>;
  /** Events not taken over, by code: the calls that returned false. Not part of `accepted`. */
  readonly refused: Readonly<Partial<Record<ErrorCode, number>>>;
  /** Events taken over and not settled. */
  readonly pending: number;
  /** Requests that repeated an earlier one. */
  readonly retries: number;
  /** Requests sent. */
  readonly requests: number;
  /** Bytes of request bodies sent, before compression. */
  readonly bytes: number;
}

export class Client implements Leaver, Correspondent {
  readonly #settings: Settings;
  readonly #ledger = new Ledger();
  readonly #link: Link;
  readonly #chunker: Chunker;
  readonly #reporter: Reporter;
  readonly #idPrefix = `${nanoid()}-`;
  readonly #waiting = new Set<() => void>();
  readonly #dropped: Partial<Record<ErrorCode, number>> = {};
  readonly #refused: Partial<Record<ErrorCode, number>> = {};
  #delivered = 0;
  #failed = 0;
  #closing: Promise<FlushResult> | undefined;
  /** The process ends and has no time left for this client. */
  #abandoned = false;

  constructor(settings: Settings) {
    this.#settings = settings;
    this.#reporter = new Reporter(settings.onError);
    this.#link = new Link(this.#ledger, deliverySettings(settings), this);
    this.#chunker = new Chunker(() => this.#link.post());
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
    return {
      accepted: this.#ledger.accepted,
      delivered: this.#delivered,
      failed: this.#failed,
      dropped: { ...this.#dropped },
      refused: { ...this.#refused },
      pending: this.#ledger.pending,
      ...this.#link.counters,
    };
  }

  /** Takes an event over; false where it cannot. `library` is that of an event which was sent before. */
  accept(type: EventType, event: AnyEvent, callback: Callback | undefined, library?: unknown): boolean {
    const ledger = this.#ledger;
    if (this.#closing !== undefined || this.#abandoned)
      return this.#refuse('closed', 'The client is closed', type, event, callback);
    const { failure } = this.#link;
    if (failure !== undefined)
      return this.#refuse('worker_unavailable', failure.message, type, event, callback, failure.cause);
    try {
      check(type, event);
      if (callback !== undefined && typeof callback !== 'function') {
        throw new ValidationError('invalid_event', `${type}() takes a function as callback`, callback);
      }
      if (ledger.pending >= this.#settings.maxQueueSize) {
        return this.#refuse(
          'queue_full',
          `maxQueueSize (${this.#settings.maxQueueSize}) is reached`,
          type,
          event,
          callback,
        );
      }
      const frame = encode(type, event, this.#idPrefix + (ledger.accepted + 1), library);
      if (!ledger.append(frame, callback, this.#settings.maxQueueBytes)) {
        return this.#refuse(
          'queue_full',
          `maxQueueBytes (${this.#settings.maxQueueBytes}) is reached`,
          type,
          event,
          callback,
        );
      }
    } catch (error) {
      if (error instanceof ValidationError) throw error;
      return this.#refuse(
        'unserializable',
        'The event cannot be written as JSON',
        type,
        event,
        callback,
        error,
      );
    }
    this.#chunker.added();
    if (ledger.pending === 1) remember(this);
    return true;
  }

  /** Takes events over once more, up to the first it cannot; returns how many. */
  resend(events: readonly SentEvent[]): number {
    if (this.#closing !== undefined) return 0;
    let accepted = 0;
    for (const { type, event, library } of reopen(events)) {
      if (!this.accept(type, event, undefined, library)) break;
      accepted++;
    }
    return accepted;
  }

  flush(timeout: number): FlushResult {
    const flush = this.#beginFlush();
    this.#link.block(flush.done, flush.start + timeout);
    return flush.result();
  }

  async flushAsync(timeout: number): Promise<FlushResult> {
    const flush = this.#beginFlush();
    const over = (): boolean => flush.done() || this.#link.isHeldPast(flush.start + timeout);
    if (timeout > 0 && !over()) {
      await new Promise<void>((resolve) => {
        // Holds the process open: whoever waits for the result is to get it.
        const timer = setTimeout(end, timeout);
        const look = (): void => {
          if (over()) end();
        };
        const waiting = this.#waiting.add(look);
        function end(): void {
          clearTimeout(timer);
          waiting.delete(look);
          resolve();
        }
      });
    }
    return flush.result();
  }

  close(timeout: number): Promise<FlushResult> {
    this.#closing ??= this.#close(timeout);
    return this.#closing;
  }

  startFlush(): void {
    this.#chunker.post();
    this.#link.hurry();
  }

  finishFlush(deadline: number): boolean {
    const barrier = this.#ledger.accepted;
    return this.#link.block(() => this.#ledger.settled >= barrier, deadline);
  }

  abandon(): void {
    this.#abandoned = true;
    // What the worker has told already still counts.
    this.finishFlush(0);
    this.#drop(this.#ledger.accepted, 'exit_timeout', 'The process ended before the event was sent');
  }

  receive(outcome: Outcome): void {
    // What a thread that was given up had still posted.
    if (outcome.through <= this.#ledger.settled) return;
    if (outcome.type === 'delivered') this.#settle(outcome.through, undefined);
    else {
      const { through, code, message, status, attempts } = outcome;
      const events = this.#ledger.events(through);
      const error = new AnalyticsError(code, message, { status, attempts, events });
      this.#settle(through, error, outcome.type);
    }
  }

  held(): void {
    for (const look of this.#waiting) look();
  }

  unavailable(error: Error): void {
    this.#drop(this.#ledger.accepted, 'worker_unavailable', error.message, error.cause);
  }

  poisoned(through: number): void {
    this.#drop(
      through,
      'worker_crashed',
      'The worker thread died of these events, or of what came with them',
    );
  }

  #drop(through: number, code: ErrorCode, message: string, cause?: unknown): void {
    if (through <= this.#ledger.settled) return;
    const events = this.#ledger.events(through);
    this.#settle(through, new AnalyticsError(code, message, { events, cause }), 'dropped');
  }

  /** Closes the account of all events up to `through`, and only then tells those concerned, who may call us back. */
  #settle(through: number, error: AnalyticsError | undefined, how: 'failed' | 'dropped' = 'failed'): void {
    const count = through - this.#ledger.settled;
    const callbacks = this.#ledger.settle(through);
    if (error === undefined) this.#delivered += count;
    else if (how === 'failed') this.#failed += count;
    else add(this.#dropped, error.code, count);
    if (this.#ledger.pending === 0) forget(this);
    for (const callback of callbacks) this.#reporter.tell(callback, error);
    if (error !== undefined) this.#reporter.report(error);
    for (const look of this.#waiting) look();
  }

  #refuse(
    code: ErrorCode,
    message: string,
    type: EventType,
    event: AnyEvent,
    callback: Callback | undefined,
    cause?: unknown,
  ): false {
    add(this.#refused, code, 1);
    const details = { events: [copy(type, event)], cause };
    if (code === 'unserializable') this.#reporter.report(new AnalyticsError(code, message, details));
    else this.#reporter.reportRarely(code, message, details);
    if (typeof callback === 'function') {
      queueMicrotask(() => this.#reporter.tell(callback, new AnalyticsError(code, message, details)));
    }
    return false;
  }

  /** A barrier behind all that is accepted by now. */
  #beginFlush(): { start: number; done: () => boolean; result: () => FlushResult } {
    const start = performance.now();
    const ledger = this.#ledger;
    const barrier = ledger.accepted;
    const before = { delivered: this.#delivered, lost: this.#lost, toWorker: this.#lostToWorker };
    this.startFlush();
    const done = (): boolean => ledger.settled >= barrier;
    const result = (): FlushResult => ({
      status: this.#lostToWorker > before.toWorker ? 'worker-dead' : done() ? 'ok' : 'timeout',
      delivered: this.#delivered - before.delivered,
      failed: this.#lost - before.lost,
      pending: Math.max(0, barrier - ledger.settled),
      elapsedMs: performance.now() - start,
    });
    return { start, done, result };
  }

  get #lost(): number {
    let lost = this.#failed;
    for (const count of Object.values(this.#dropped)) lost += count;
    return lost;
  }

  get #lostToWorker(): number {
    return (this.#dropped.worker_unavailable ?? 0) + (this.#dropped.worker_crashed ?? 0);
  }

  async #close(timeout: number): Promise<FlushResult> {
    const result = await this.flushAsync(timeout);
    this.#drop(this.#ledger.accepted, 'closed', 'The client was closed before the event was sent');
    unlisten(this);
    this.#chunker.stop();
    this.#reporter.close();
    await this.#link.release();
    return result;
  }
}

function deliverySettings(settings: Settings): DeliverySettings {
  const { url, writeKey, batchSize, linger, maxRetries, maxRetryDuration, requestTimeout, gzip, stub } =
    settings;
  const userAgent = `offthread/${version}`;
  return {
    url,
    writeKey,
    userAgent,
    batchSize,
    linger,
    maxRetries,
    maxRetryDuration,
    requestTimeout,
    gzip,
    stub,
  };
}

function add(counts: Partial<Record<ErrorCode, number>>, code: ErrorCode, count: number): void {
  counts[code] = (counts[code] ?? 0) + count;
}

/** A refused event as far as it can be read: it may be the very one whose getters throw. */
function copy(type: EventType, event: AnyEvent): Readonly<Record<string, unknown>> {
  try {
    return { type, ...event };
  } catch {
    return { type };
  }
}
