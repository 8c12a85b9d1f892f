// Pending events -> slabs -> the worker, and outcomes back: a client's place on a thread, for as many threads as it takes. Next:
// worker-thread.ts, then the worker's index.ts; on the way back client.ts.
//
//   closed -> open        something is to be posted
//   open -> closed        the thread died; what is unsettled is posted to the next one
//   any -> released       the client is gone
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

/** Deaths in a row, without any event settled between them, after which the batch in hand is taken to be the cause. */
const MAX_CRASHES = 3;

/** Milliseconds after which an event is a reason to look how far the worker has come, and whether it lives. */
const GLANCE_MS = 1_000;

export class WorkerTransport implements Transport, ThreadClient {
  readonly #pendingEvents: PendingEvents;
  readonly #settings: DeliverySettings;
  readonly #listener: TransportListener;
  readonly spool: ClientSpool | undefined;
  // Another one for each thread: one that was given up may still write to it.
  #control = new SharedArrayBuffer(CONTROL_BYTES);
  #words = new Int32Array(this.#control);
  #counters = new BigInt64Array(this.#control);
  #state: 'closed' | 'open' | 'released' = 'closed';
  #thread: WorkerThread | undefined;
  #id = 0;
  #isPostScheduled = false;
  #crashes = 0;
  #settledAtCrash = 0;
  /** Sequence number up to which somebody waits. */
  #flushThrough = 0;
  /** How many times somebody has asked for events to be on the disk, and up to which of them it is over. */
  #storeRequests = 0;
  #storeReplies = 0;
  /** Sequence number up to which outcomes are to be told without being asked. */
  #expected = 0;
  /** Sequence number of the last event of which a message has said that it was lost. */
  #lost = 0;
  /** When we last looked how far the worker has come, by the clock of events. */
  #glanced = 0;
  /** How far the worker said it had come when we looked. */
  #deliveredThrough = 0;
  /** The last failed request, of the batch that begins with event `first`. */
  #lastFault: (Retry & { readonly first: number }) | undefined;
  /** What a thread that is gone had still said. */
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
    // What earlier processes have left is sent, whether or not this one has events.
    if (spool !== undefined) defer(() => this.requestStore());
  }

  get hasPending(): boolean {
    return this.#pendingEvents.count > 0;
  }

  get expecting(): boolean {
    return this.#expected > this.#pendingEvents.settled;
  }

  /** Why no thread can be had at present, where that is known. */
  get failure(): Error | undefined {
    return WorkerThread.startFailure;
  }

  /** What the worker has counted for this client. */
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
    // Another thread may have the batch in hand since, and begins to count anew.
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
      // The clock may have been set back.
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
    // In this order: what was lost before that is known by then.
    const delivered = this.#count(COUNTER.DELIVERED);
    if (this.#count(COUNTER.LOST) <= this.#lost)
      this.#listener.note({ type: 'delivered', through: delivered });
    thread.glance(this.hasPending);
  }

  /** Posts what has gathered, and tells the worker that somebody waits. */
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
   * Blocks until it is done, taking in outcomes meanwhile, until time is over, or until it is certain that nothing can
   * happen before. Returns whether it is done.
   */
  block(wait: Wait): boolean {
    for (;;) {
      // Read before looking what is new: what comes after that changes the word, and the wait does not begin.
      const changes = Atomics.load(this.#words, CONTROL.CHANGES);
      this.readProgress();
      this.#thread?.receiveMessages();
      this.reportProgress();
      if (wait.done) return true;
      const { deadline } = wait;
      const left = deadline - now();
      if (left <= 0 || this.isHeldPast(deadline)) return false;
      // No thread could be started: the timer that tries again does not run now.
      if (this.#thread === undefined) this.retry();
      this.#thread?.checkHeartbeat(BEAT_INTERVAL_MS);
      waitForChange(this.#words, CONTROL.CHANGES, changes, Math.min(left, BEAT_INTERVAL_MS));
    }
  }

  /** Whether `Retry-After` certainly holds this client beyond `deadline`, by our clock. */
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
        // Before it, so that a subscriber of both channels knows that this is what came last.
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
    // One by one: a callback of the user's may flush, and has to find what is behind it.
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
      // Where no batch was in hand the thread died of taking the next event in.
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

  /** Lets go of the thread. */
  async release(): Promise<void> {
    const thread = this.#thread;
    this.#thread = undefined;
    this.#state = 'released';
    // Now: what is pending counts as settled from here on.
    if (this.hasPending) this.spool?.keep();
    await thread?.removeClient(this.#id);
    this.spool?.release();
  }

  /** Starting a thread takes milliseconds, and may fail, which must not be told in the middle of a call. */
  #openSoon(): void {
    if (this.#isPostScheduled) return;
    if (WorkerThread.isUp) this.#post();
    else {
      this.#isPostScheduled = true;
      defer(() => this.#post());
    }
  }

  /** Posts what the ledger has not handed over yet. Never throws. */
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

  /** What has been counted goes on in it; what held the thread that is gone does not hold the next one. */
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
