// Event -> accepted -> settled: what is behind the public methods, and the keeper of the accounts. Next: frame.ts,
// ledger.ts, link.ts; on the way back reporter.ts.
//
//   open -> closing -> closed
//
// At every moment: accepted = delivered + failed + dropped + pending.
import type { Outcome } from '@offthread/worker/protocol';
import { nanoid } from 'nanoid';
import type { Carrier, Connect, Correspondent } from './carrier.js';
import { publish } from './diagnostics.js';
import { AnalyticsError, type ErrorCode, type SentEvent, ValidationError } from './errors.js';
import { type AnyEvent, check, checkCallback, type EventType } from './event.js';
import { forget, type Leaver, listen, remember, unlisten } from './exit.js';
import { Flush, type FlushResult } from './flush.js';
import { encode, LIBRARY_TEXT } from './frame.js';
import { type Callback, Ledger } from './ledger.js';
import { Link } from './link.js';
import { Reporter } from './reporter.js';
import { reopen } from './sent-event.js';
import { deliverySettings, type Settings } from './settings.js';
import { type Stats, Tally } from './tally.js';

/** Why an event is not taken over. */
interface Refusal {
  readonly code: 'closed' | 'queue_full' | 'unserializable' | 'worker_unavailable';
  readonly message: string;
  readonly cause?: unknown;
}

export class Client implements Leaver, Correspondent {
  readonly #owner: object;
  readonly #settings: Settings;
  readonly #ledger = new Ledger({ idPrefix: `${nanoid()}-`, library: LIBRARY_TEXT });
  readonly #tally = new Tally();
  readonly #link: Carrier;
  readonly #reporter: Reporter;
  readonly #waiting = new Set<() => void>();
  #closing: Promise<FlushResult> | undefined;
  /** Whether events are taken over: not once it is closed, and not once the process has no time left for it. */
  #open = true;

  /** @param owner what the user knows as the client. */
  constructor(settings: Settings, owner: object, connect: Connect = toWorker) {
    this.#owner = owner;
    this.#settings = settings;
    this.#reporter = new Reporter(settings.onError);
    this.#link = connect(this.#ledger, settings, this);
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
    const { accepted, pending } = this.#ledger;
    const { delivered, failed, dropped, refused } = this.#tally;
    return { accepted, delivered, failed, dropped, refused, pending, ...this.#link.counters };
  }

  /** Takes an event over; false where it cannot. `library` is that of an event which was sent before. */
  accept(type: EventType, event: AnyEvent, callback: Callback | undefined, library?: unknown): boolean {
    let refusal: Refusal | undefined;
    try {
      refusal = this.#take(type, event, callback, library);
    } catch (cause) {
      if (cause instanceof ValidationError) throw cause;
      refusal = { code: 'unserializable', message: 'The event cannot be written as JSON', cause };
    }
    if (refusal !== undefined) {
      this.#refuse(refusal, type, event, callback);
      return false;
    }
    this.#link.added();
    if (this.#ledger.pending === 1) remember(this);
    return true;
  }

  /** Takes events over once more, up to the first it cannot; returns how many. */
  resend(events: readonly SentEvent[]): number {
    if (!this.#open) return 0;
    let accepted = 0;
    for (const { type, event, library } of reopen(events)) {
      if (!this.accept(type, event, undefined, library)) break;
      accepted++;
    }
    return accepted;
  }

  flush(timeout: number): FlushResult {
    const flush = this.#beginFlush(timeout);
    this.#link.block(() => flush.done, flush.deadline);
    return flush.result;
  }

  async flushAsync(timeout: number): Promise<FlushResult> {
    const flush = this.#beginFlush(timeout);
    const over = (): boolean => flush.done || this.#link.isHeldPast(flush.deadline);
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
    return flush.result;
  }

  close(timeout: number): Promise<FlushResult> {
    this.#open = false;
    this.#closing ??= this.#close(timeout);
    return this.#closing;
  }

  startFlush(): void {
    this.#link.hurry();
  }

  finishFlush(deadline: number): boolean {
    const barrier = this.#ledger.accepted;
    return this.#link.block(() => this.#ledger.settled >= barrier, deadline);
  }

  abandon(): void {
    this.#open = false;
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
    if (error === undefined) this.#tally.deliver(count);
    else if (how === 'failed') this.#tally.fail(count);
    else this.#tally.drop(error.code, count);
    if (this.#ledger.pending === 0) forget(this);
    for (const callback of callbacks) this.#reporter.tell(callback, error);
    if (error !== undefined) this.#reporter.report(error);
    for (const look of this.#waiting) look();
    const analytics = this.#owner;
    if (error === undefined) publish('offthread:delivered', () => ({ analytics, count }));
    else publish(`offthread:${how}`, () => ({ analytics, count, error }));
  }

  #take(
    type: EventType,
    event: AnyEvent,
    callback: Callback | undefined,
    library: unknown,
  ): Refusal | undefined {
    if (!this.#open) return CLOSED;
    check(type, event);
    checkCallback(type, callback);
    const { failure } = this.#link;
    if (failure !== undefined) {
      return { code: 'worker_unavailable', message: failure.message, cause: failure.cause };
    }
    const { maxQueueSize, maxQueueBytes } = this.#settings;
    const ledger = this.#ledger;
    if (ledger.pending >= maxQueueSize) return full('maxQueueSize', maxQueueSize);
    const frame = encode(type, event, ledger.signature, ledger.accepted + 1, library);
    if (!ledger.append(frame, callback, maxQueueBytes)) return full('maxQueueBytes', maxQueueBytes);
    // Who has a callback waits for it; and where the queue fills up, room is to be seen as soon as there is any.
    if (callback !== undefined || ledger.pending > maxQueueSize / 2 || ledger.bytes > maxQueueBytes / 2) {
      this.#link.expect(ledger.accepted);
    }
    return undefined;
  }

  #refuse(refusal: Refusal, type: EventType, event: AnyEvent, callback: Callback | undefined): void {
    const { code, message, cause } = refusal;
    this.#tally.refuse(code);
    const details = { events: [copy(type, event)], cause };
    if (code === 'unserializable') this.#reporter.report(new AnalyticsError(code, message, details));
    else this.#reporter.reportRarely(code, message, details);
    if (typeof callback === 'function') {
      queueMicrotask(() => this.#reporter.tell(callback, new AnalyticsError(code, message, details)));
    }
    publish('offthread:refused', () => ({ analytics: this.#owner, count: 1, code, type }));
  }

  #beginFlush(timeout: number): Flush {
    const flush = new Flush(this.#ledger, this.#tally, timeout);
    this.startFlush();
    return flush;
  }

  async #close(timeout: number): Promise<FlushResult> {
    // Where nobody waits nothing is hurried: it would be sent just before it is reported as dropped.
    const flush = timeout === 0 ? new Flush(this.#ledger, this.#tally, 0) : undefined;
    const result = flush?.result ?? (await this.flushAsync(timeout));
    // What the worker has told already still counts.
    this.finishFlush(0);
    this.#drop(this.#ledger.accepted, 'closed', 'The client was closed before the event was sent');
    unlisten(this);
    this.#reporter.close();
    await this.#link.release();
    return result;
  }
}

function toWorker(ledger: Ledger, settings: Settings, correspondent: Correspondent): Carrier {
  return new Link(ledger, deliverySettings(settings), correspondent);
}

const CLOSED: Refusal = { code: 'closed', message: 'The client is closed' };

function full(setting: 'maxQueueSize' | 'maxQueueBytes', limit: number): Refusal {
  return { code: 'queue_full', message: `${setting} (${limit}) is reached` };
}

/** A refused event as far as it can be read: it may be the very one whose getters throw. */
function copy(type: EventType, event: AnyEvent): Readonly<Record<string, unknown>> {
  try {
    return { type, ...event };
  } catch {
    return { type };
  }
}
