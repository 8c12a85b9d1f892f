// Connects one client to the worker thread: posts its slabs, and receives outcomes. If the thread ends, it continues
// with the next one. Next: worker-thread.ts, then the worker's index.ts. Outcomes go to client.ts.
//
//   closed -> open        there is something to post
//   open -> closed        the thread ended; unsettled events are posted to the next one
//   any -> released       the client has ended
import {
  BEAT_INTERVAL_MS,
  type ClientMessage,
  CONTROL,
  CONTROL_BYTES,
  COUNTER,
  type DeliverySettings,
  type Handover,
  type Retry,
} from '@offthread/worker/protocol';
import type { Wait } from '../flush/wait.js';
import type { PendingEvents } from '../pending/pending-events.js';
import { defer, now } from '../runtime/clock.js';
import { waitForChange } from '../runtime/wait-for-change.js';
import type { ClientSpool } from '../spool/client-spool.js';
import type { LastAttempt, Transport, TransportListener } from './transport.js';
import { type ThreadClient, WorkerThread } from './worker-thread.js';

/**
 * After this many thread crashes in a row, with no event settled in between, the current batch is taken as the cause.
 */
const MAX_CRASHES = 3;

/** Interval, in milliseconds, at which a new event triggers a check of the worker's progress and heartbeat. */
const GLANCE_MS = 1_000;

export class WorkerTransport implements Transport, ThreadClient {
  readonly #pendingEvents: PendingEvents;
  readonly #settings: DeliverySettings;
  readonly #listener: TransportListener;
  readonly spool: ClientSpool | undefined;
  // Each thread gets a new one, because an abandoned thread may still write to the old one.
  #control = new SharedArrayBuffer(CONTROL_BYTES);
  #words = new Int32Array(this.#control);
  #counters = new BigInt64Array(this.#control);
  #state: 'closed' | 'open' | 'released' = 'closed';
  #thread: WorkerThread | undefined;
  #id = 0;
  #isPostScheduled = false;
  #crashes = 0;
  #settledAtCrash = 0;
  /** Sequence number of the newest event that a flush waits for. */
  #flushThrough = 0;
  /** Id of the last `requestStore()`, and of the last one that has finished. */
  #storeRequests = 0;
  #storeReplies = 0;
  /** Sequence number up to which outcomes must be reported without a further call. */
  #expected = 0;
  /** Sequence number of the last event that a message has reported as lost. */
  #lost = 0;
  /** Time of the last check of the worker's progress, on the clock of events. */
  #glanced = 0;
  /** Sequence number up to which events were delivered, as of the last `readProgress()`. */
  #deliveredThrough = 0;
  /** The last failed request. Its batch begins with event `first`. */
  #lastFault: (Retry & { readonly first: number }) | undefined;
  /** Messages that the previous thread had posted before it ended. */
  #lateMessages: ClientMessage[] = [];

  constructor(
    pendingEvents: PendingEvents,
    settings: DeliverySettings,
    listener: TransportListener,
    spool?: ClientSpool | undefined,
  ) {
    this.#pendingEvents = pendingEvents;
    this.#settings = settings;
    this.#listener = listener;
    this.spool = spool;
    // Opens the spool even if this client has no events, because events of earlier processes must be sent.
    if (spool !== undefined) defer(() => this.requestStore());
  }

  get hasPending(): boolean {
    return this.#pendingEvents.count > 0;
  }

  get expecting(): boolean {
    return this.#expected > this.#pendingEvents.settled;
  }

  /** Why no thread is available at present, if that is known. */
  get failure(): Error | undefined {
    return WorkerThread.startFailure;
  }

  /** The worker's counts for this client. */
  get requestCounts(): { requests: number; retries: number; bytes: number } {
    return {
      requests: this.#count(COUNTER.REQUESTS),
      retries: this.#count(COUNTER.RETRIES),
      bytes: this.#count(COUNTER.BYTES),
    };
  }

  get lastAttempt(): LastAttempt {
    const { settled } = this.#pendingEvents;
    const isInHand = this.#count(COUNTER.CURRENT_BATCH) > settled;
    const begun = isInHand ? Atomics.load(this.#words, CONTROL.ATTEMPTS) : 0;
    const fault = this.#lastFault;
    if (fault === undefined || fault.first <= settled)
      return { attempts: begun, status: undefined, cause: undefined };
    // A new thread that has taken over the batch starts counting at 0.
    const attempts = Math.max(begun, fault.attempts);
    return { attempts, status: fault.status, cause: new Error(fault.message) };
  }

  get id(): number {
    return this.#id;
  }

  handOver(): readonly Handover[] {
    return this.#pendingEvents.handOver();
  }

  scheduleSend(): void {
    const pendingEvents = this.#pendingEvents;
    const thread = this.#thread;
    if (thread === undefined) this.#openSoon();
    else {
      if (pendingEvents.hasMore) thread.handOver(this);
      // The absolute difference, because the clock may have been set back.
      if (Math.abs(pendingEvents.time - this.#glanced) >= GLANCE_MS) this.catchUp();
    }
  }

  expect(through: number): void {
    this.#expected = through;
    Atomics.store(this.#counters, COUNTER.EXPECTED, BigInt(through));
    this.#thread?.watch();
  }

  catchUp(): void {
    const thread = this.#thread;
    if (thread === undefined) return;
    this.#glanced = this.#pendingEvents.time;
    this.#readStored();
    // In this order: then all events lost before those delivered are already counted in `LOST`.
    const delivered = this.#count(COUNTER.DELIVERED);
    if (this.#count(COUNTER.LOST) <= this.#lost)
      this.#listener.note({ type: 'delivered', through: delivered });
    thread.glance(this.hasPending);
  }

  /** Posts all pending events, and tells the worker that a caller waits for them. */
  requestFlush(): void {
    this.#flushThrough = this.#pendingEvents.accepted;
    if (!this.hasPending) return;
    this.expect(this.#flushThrough);
    this.#post();
    this.#thread?.post({ type: 'flush', client: this.#id });
  }

  requestStore(): number {
    const id = ++this.#storeRequests;
    this.#postStore();
    return id;
  }

  #postStore(): void {
    if (this.spool === undefined || this.#state === 'released') return;
    this.#post();
    this.#thread?.post({ type: 'store', client: this.#id, id: this.#storeRequests });
  }

  /**
   * Blocks until `wait` is done, its deadline has passed, or nothing can be sent before the deadline. Returns whether
   * it is done. Reports outcomes meanwhile.
   */
  block(wait: Wait): boolean {
    for (;;) {
      // Read before the check for news. A later change alters the word, and the wait returns at once.
      const changes = Atomics.load(this.#words, CONTROL.CHANGES);
      this.readProgress();
      this.#thread?.receiveMessages();
      this.reportProgress();
      if (wait.done) return true;
      const { deadline } = wait;
      const left = deadline - now();
      if (left <= 0 || this.isHeldPast(deadline)) return false;
      // Retries here, because the retry timer can't fire while this thread is blocked.
      if (this.#thread === undefined) this.retry();
      this.#thread?.checkHeartbeat(BEAT_INTERVAL_MS);
      waitForChange(this.#words, CONTROL.CHANGES, changes, Math.min(left, BEAT_INTERVAL_MS));
    }
  }

  /** Whether `Retry-After` delays this client's requests until after `deadline`, on the clock of `now()`. */
  isHeldPast(deadline: number): boolean {
    if (this.spool?.isPaused) return true;
    const until = this.#count(COUNTER.HELD_UNTIL);
    if (until === 0 || this.#thread === undefined) return false;
    return until - this.#thread.clock - BEAT_INTERVAL_MS > deadline - now();
  }

  onMessage(message: ClientMessage): void {
    switch (message.type) {
      case 'held':
        this.#listener.onRetryAfter();
        break;
      case 'postponed':
      case 'retried':
        this.#lastFault = message;
        // First, so that subscribers of both channels see these events before the retry.
        this.#listener.onOutcome({ type: 'delivered', through: message.first - 1 });
        if (message.type === 'postponed') this.#listener.onPostponed(message);
        else this.#listener.onRetried(message);
        break;
      case 'delivered':
        this.#listener.onOutcome(message);
        break;
      case 'spool':
        this.#listener.onSpoolReport(message);
        break;
      case 'recovered':
        this.#listener.onRecovered(message.count);
        break;
      case 'stored':
        this.#storeReplies = message.id;
        this.#readStored();
        this.#listener.onStored(message.id);
        break;
      default:
        this.#lost = message.through;
        this.#listener.onOutcome({ type: 'delivered', through: message.first - 1 });
        this.#listener.onOutcome(message);
    }
  }

  #readStored(): void {
    if (this.spool !== undefined) this.#pendingEvents.stored = this.spool.stored;
  }

  readProgress(): void {
    this.#readStored();
    this.#deliveredThrough = this.#count(COUNTER.DELIVERED);
  }

  reportProgress(): void {
    // One by one, because a user's callback may flush, and must then see the remaining messages.
    for (let next = this.#lateMessages.shift(); next !== undefined; next = this.#lateMessages.shift())
      this.onMessage(next);
    this.#listener.onOutcome({ type: 'delivered', through: this.#deliveredThrough });
    this.#pendingEvents.free();
  }

  onThreadEnd(messages: ClientMessage[]): void {
    this.#lateMessages = messages;
    this.readProgress();
    this.#thread = undefined;
    if (this.#state === 'open') this.#state = 'closed';
    this.#pendingEvents.resetPosted();
  }

  moveToNextThread(): void {
    this.reportProgress();
    const { count: pending, settled } = this.#pendingEvents;
    if (pending === 0) return;
    this.#crashes = settled === this.#settledAtCrash ? this.#crashes + 1 : 1;
    this.#settledAtCrash = settled;
    if (this.#crashes >= MAX_CRASHES) {
      this.#crashes = 0;
      // If there was no current batch, the thread crashed while it read the next event.
      this.#listener.onRepeatedCrash(Math.max(this.#count(COUNTER.CURRENT_BATCH), settled + 1));
    }
    this.retry();
  }

  retry(): void {
    const isIdle = !this.hasPending && this.spool === undefined;
    if (isIdle || this.#state === 'released') return;
    this.#post();
    if (this.#flushThrough > this.#pendingEvents.settled) this.requestFlush();
    if (this.#storeRequests > this.#storeReplies) this.#postStore();
  }

  /** Releases the thread. */
  async release(): Promise<void> {
    const thread = this.#thread;
    this.#thread = undefined;
    this.#state = 'released';
    // Before the await, because pending events count as settled from then on.
    if (this.hasPending) this.spool?.keep();
    await thread?.removeClient(this.#id);
    this.spool?.release();
  }

  /**
   * Posts as soon as possible. Starting a thread takes milliseconds and may fail, and a failure must not be reported
   * during a call, so a thread is started only when the running code has ended.
   */
  #openSoon(): void {
    if (this.#isPostScheduled) return;
    if (WorkerThread.isUp) this.#post();
    else {
      this.#isPostScheduled = true;
      defer(() => this.#post());
    }
  }

  /** Posts the slabs that haven't been handed over yet. Never throws. */
  #post(): void {
    this.#isPostScheduled = false;
    if (this.#state === 'closed') this.#open();
    if (this.#pendingEvents.hasMore) this.#thread?.handOver(this);
  }

  #open(): void {
    try {
      const thread = WorkerThread.acquire(this);
      if (thread === undefined) {
        const { startDelay: delay } = WorkerThread;
        if (delay !== undefined) this.#listener.onStartDelayed(delay);
        return;
      }
      this.#renewControl();
      const { settled, frameDefaults } = this.#pendingEvents;
      const stored = Math.max(settled, this.spool?.stored ?? 0);
      const settings = this.spool
        ? { ...this.#settings, spool: this.spool.open(() => !this.hasPending) }
        : this.#settings;
      this.#id = thread.addClient(this, { control: this.#control, settings, frameDefaults, settled, stored });
      this.#thread = thread;
      this.#state = 'open';
      if (this.expecting) thread.watch();
    } catch (error) {
      this.#listener.onUnavailable(error instanceof Error ? error : new Error(String(error)));
    }
  }

  /** Creates the control block for the next thread. Counts carry over, but a `Retry-After` delay doesn't. */
  #renewControl(): void {
    const counters = this.#counters;
    Atomics.store(counters, COUNTER.HELD_UNTIL, 0n);
    this.#control = new SharedArrayBuffer(CONTROL_BYTES);
    this.#words = new Int32Array(this.#control);
    this.#counters = new BigInt64Array(this.#control);
    for (const slot of Object.values(COUNTER)) {
      Atomics.store(this.#counters, slot, Atomics.load(counters, slot));
    }
  }

  #count(slot: number): number {
    return Number(Atomics.load(this.#counters, slot));
  }
}
