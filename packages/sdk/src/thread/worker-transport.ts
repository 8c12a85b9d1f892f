// Connects one client to the worker thread: hands its slabs over, and requests flushes. If the thread ends, it
// continues with the next one. Next: worker-thread.ts, then the worker's index.ts. What comes back: worker-progress.ts.
//
// Over 200 lines, because all of it is one state: what a client has asked of its threads so far.
//
//   closed -> open        there is something to post
//   open -> closed        the thread ended; unsettled events are posted to the next one
//   any -> released       the client has ended
import { BEAT_INTERVAL_MS, type ClientMessage, type DeliverySettings } from '@offthread/worker/protocol';
import type { Wait } from '../flush/wait.js';
import type { PendingEvents } from '../pending/pending-events.js';
import { defer, now } from '../runtime/clock.js';
import type { ClientSpool } from '../spool/client-spool.js';
import { ControlBlock } from './control-block.js';
import { acquireThread, isThreadUp, startDelay, startFailure } from './shared-thread.js';
import type { LastAttempt, Transport, TransportListener } from './transport.js';
import { WorkerProgress } from './worker-progress.js';
import type { ThreadClient, WorkerThread } from './worker-thread.js';

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
  readonly #control = new ControlBlock();
  readonly progress: WorkerProgress;
  readonly spool: ClientSpool | undefined;
  #state: 'closed' | 'open' | 'released' = 'closed';
  #thread: WorkerThread | undefined;
  #id = 0;
  #isPostScheduled = false;
  #crashes = 0;
  #settledAtCrash = 0;
  /** Sequence number of the newest event that a flush waits for. */
  #flushThrough = 0;
  /** Id of the last `requestStore()`. */
  #storeRequests = 0;
  /** Sequence number up to which outcomes must be reported without a further call. */
  #expected = 0;
  /** Time of the last check of the worker's progress, on the clock of events. */
  #glanced = 0;

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
    pendingEvents.log = spool?.logOf(pendingEvents);
    this.progress = new WorkerProgress(pendingEvents, this.#control, spool, listener);
    // Opens the spool even if this client has no events, because events of earlier processes must be sent.
    if (spool !== undefined) defer(() => this.requestStore());
  }

  get hasPending(): boolean {
    return this.#pendingEvents.count > 0;
  }

  get expecting(): boolean {
    return this.#expected > this.#pendingEvents.settled;
  }

  get failure(): Error | undefined {
    // While this client has a thread, there is no failure, and the check would cost every event.
    return this.#thread === undefined ? startFailure() : undefined;
  }

  /** The worker's counts for this client. */
  get requestCounts(): { requests: number; retries: number; bytes: number } {
    return {
      requests: this.#control.count('REQUESTS'),
      retries: this.#control.count('RETRIES'),
      bytes: this.#control.count('BYTES'),
    };
  }

  get lastAttempt(): LastAttempt {
    return this.progress.lastAttempt;
  }

  scheduleSend(): void {
    const pendingEvents = this.#pendingEvents;
    if (this.#thread === undefined) this.#openSoon();
    else {
      if (pendingEvents.hasMore) this.#handOver();
      // The absolute difference, because the clock may have been set back.
      if (Math.abs(pendingEvents.time - this.#glanced) >= GLANCE_MS) this.catchUp();
    }
  }

  expect(through: number): void {
    this.#expected = through;
    this.#control.expect(through);
    this.#thread?.watch();
  }

  catchUp(): void {
    const thread = this.#thread;
    if (thread === undefined) return;
    this.#glanced = this.#pendingEvents.time;
    this.progress.catchUp();
    thread.glance(this.hasPending);
  }

  /** Posts all pending events, and has them sent at once, because a caller waits for them. */
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
    this.spool.resume();
    this.#post();
    this.#thread?.post({ type: 'store', client: this.#id, id: this.#storeRequests });
  }

  /**
   * Blocks until `wait` is done, its deadline has passed, or nothing can be sent before the deadline. Returns whether
   * it is done. Reports outcomes meanwhile.
   */
  block(wait: Wait): boolean {
    for (;;) {
      // Read before the worker's progress. A later change alters it, and the wait returns at once.
      const { changes } = this.#control;
      this.progress.read();
      this.#thread?.receiveMessages();
      this.progress.report();
      if (wait.done) return true;
      const { deadline } = wait;
      const left = deadline - now();
      if (left <= 0 || this.isHeldPast(deadline)) return false;
      // Retries here, because the retry timer can't fire while this thread is blocked.
      if (this.#thread === undefined) this.retry();
      this.#thread?.checkHeartbeat(BEAT_INTERVAL_MS);
      this.#control.waitForChange(changes, Math.min(left, BEAT_INTERVAL_MS));
    }
  }

  /** Whether `Retry-After` delays this client's requests until after `deadline`, on the clock of `now()`. */
  isHeldPast(deadline: number): boolean {
    if (this.spool?.isPaused) return true;
    const until = this.#control.count('HELD_UNTIL');
    if (until === 0 || this.#thread === undefined) return false;
    return until - this.#thread.clock - BEAT_INTERVAL_MS > deadline - now();
  }

  onThreadEnd(messages: ClientMessage[]): void {
    this.progress.onThreadEnd(messages);
    this.#thread = undefined;
    if (this.#state === 'open') this.#state = 'closed';
    this.#pendingEvents.resetPosted();
  }

  moveToNextThread(): void {
    this.progress.report();
    const { count: pending, settled } = this.#pendingEvents;
    if (pending === 0) return;
    this.#crashes = settled === this.#settledAtCrash ? this.#crashes + 1 : 1;
    this.#settledAtCrash = settled;
    if (this.#crashes >= MAX_CRASHES) {
      this.#crashes = 0;
      // If there was no current batch, the thread crashed while it read the next event.
      this.#listener.onRepeatedCrash(Math.max(this.#control.count('CURRENT_BATCH'), settled + 1));
    }
    this.retry();
  }

  retry(): void {
    const isIdle = !this.hasPending && this.spool === undefined;
    if (isIdle || this.#state === 'released') return;
    this.#post();
    if (this.#flushThrough > this.#pendingEvents.settled) this.requestFlush();
    if (this.#storeRequests > this.progress.storeReplies) this.#postStore();
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
    if (isThreadUp()) this.#post();
    else {
      this.#isPostScheduled = true;
      defer(() => this.#post());
    }
  }

  /** Posts the slabs that haven't been handed over yet. Never throws. */
  #post(): void {
    this.#isPostScheduled = false;
    if (this.#state === 'closed') this.#open();
    if (this.#pendingEvents.hasMore) this.#handOver();
  }

  #handOver(): void {
    this.#thread?.handOver(this.#id, this.#pendingEvents.handOver());
  }

  #open(): void {
    try {
      const thread = acquireThread(this);
      if (thread === undefined) {
        const delay = startDelay();
        if (delay !== undefined) this.#listener.onStartDelayed(delay);
        return;
      }
      this.#control.renew();
      const { settled, frameDefaults } = this.#pendingEvents;
      const stored = Math.max(settled, this.spool?.stored ?? 0);
      const spool = this.spool?.open(this.#pendingEvents);
      const settings = spool === undefined ? this.#settings : { ...this.#settings, spool };
      const { memory: control } = this.#control;
      this.#id = thread.addClient(this, { control, settings, frameDefaults, settled, stored });
      this.#thread = thread;
      this.#state = 'open';
      if (this.expecting) thread.watch();
    } catch (error) {
      const { spool } = this;
      if (spool !== undefined && this.hasPending) {
        // What is on disk isn't lost: another process sends it. What follows is numbered as if it had been sent.
        spool.leaveRun();
        this.#listener.onOutcome({
          type: 'left',
          through: spool.survivingThrough(this.#pendingEvents.accepted),
        });
      }
      const cause = error instanceof Error ? error : new Error(String(error));
      this.#listener.onUnavailable(cause, spool !== undefined);
    }
  }
}
