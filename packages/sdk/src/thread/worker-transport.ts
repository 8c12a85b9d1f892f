// Ledger -> chunks -> the worker, and outcomes back: a client's place on a thread, for as many threads as it takes. Next:
// thread.ts, then the worker's index.ts; on the way back client.ts.
//
//   closed -> open        something is to be posted
//   open -> closed        the thread died; what is unsettled is posted to the next one
//   any -> released       the client is gone
import {
  BEAT_INTERVAL_MS,
  type Chunk,
  type ClientMessage,
  CONTROL,
  CONTROL_BYTES,
  COUNTER,
  type DeliverySettings,
  type Retry,
} from '@offthread/worker/protocol';
import type { Wait } from '../flush/wait.js';
import type { Ledger } from '../pending/pending-events.js';
import { now, soon } from '../runtime/clock.js';
import { waitForChange } from '../runtime/wait-for-change.js';
import type { Carrier, Correspondent, LastTry } from './transport.js';
import { type Resident, Thread } from './worker-thread.js';

/** Deaths in a row, without any event settled between them, after which the batch in hand is taken to be the cause. */
const MAX_DEATHS = 3;

export class Link implements Carrier, Resident {
  readonly #ledger: Ledger;
  readonly #settings: DeliverySettings;
  readonly #correspondent: Correspondent;
  // Another one for each thread: one that was given up may still write to it.
  #control = new SharedArrayBuffer(CONTROL_BYTES);
  #words = new Int32Array(this.#control);
  #counters = new BigInt64Array(this.#control);
  #state: 'closed' | 'open' | 'released' = 'closed';
  #thread: Thread | undefined;
  #id = 0;
  #opening = false;
  #deaths = 0;
  #settledAtDeath = 0;
  /** Sequence number up to which somebody waits. */
  #hurried = 0;
  /** How far the worker said it had come when we looked. */
  #seen = 0;
  /** The last failed request, of the batch that begins with event `first`. */
  #fault: (Retry & { readonly first: number }) | undefined;
  /** What a thread that is gone had still said. */
  #told: ClientMessage[] = [];

  constructor(ledger: Ledger, settings: DeliverySettings, correspondent: Correspondent) {
    this.#ledger = ledger;
    this.#settings = settings;
    this.#correspondent = correspondent;
  }

  get waiting(): boolean {
    return this.#ledger.pending > 0;
  }

  /** Why no thread can be had at present, where that is known. */
  get failure(): Error | undefined {
    return Thread.failure;
  }

  /** What the worker has counted for this client. */
  get counters(): { requests: number; retries: number; bytes: number } {
    return {
      requests: this.#count(COUNTER.REQUESTS),
      retries: this.#count(COUNTER.RETRIES),
      bytes: this.#count(COUNTER.BYTES),
    };
  }

  get lastTry(): LastTry {
    const { settled } = this.#ledger;
    const isInHand = this.#count(COUNTER.IN_HAND) > settled;
    const begun = isInHand ? Atomics.load(this.#words, CONTROL.ATTEMPTS) : 0;
    const fault = this.#fault;
    if (fault === undefined || fault.first <= settled)
      return { attempts: begun, status: undefined, cause: undefined };
    // Another thread may have the batch in hand since, and begins to count anew.
    const attempts = Math.max(begun, fault.attempts);
    return { attempts, status: fault.status, cause: new Error(fault.message) };
  }

  get id(): number {
    return this.#id;
  }

  takeChunks(): readonly Chunk[] {
    return this.#ledger.takeChunks();
  }

  added(): void {
    if (this.#thread !== undefined) this.#thread.added(this);
    else if (!this.#opening) {
      this.#opening = true;
      soon(() => this.#post());
    }
  }

  expect(through: number): void {
    Atomics.store(this.#counters, COUNTER.EXPECTED, BigInt(through));
  }

  /** Posts what has gathered, and tells the worker that somebody waits. */
  hurry(): void {
    this.#hurried = this.#ledger.accepted;
    if (!this.waiting) return;
    this.expect(this.#hurried);
    this.#post();
    this.#thread?.say({ type: 'flush', client: this.#id });
  }

  /**
   * Blocks until it is done, taking in outcomes meanwhile, until time is over, or until it is certain that nothing can
   * happen before. Returns whether it is done.
   */
  block(wait: Wait): boolean {
    for (;;) {
      // Read before looking what is new: what comes after that changes the word, and the wait does not begin.
      const news = Atomics.load(this.#words, CONTROL.NEWS);
      this.look();
      this.#thread?.listen();
      this.settle();
      if (wait.done) return true;
      const { deadline } = wait;
      const left = deadline - now();
      if (left <= 0 || this.isHeldPast(deadline)) return false;
      // No thread could be started: the timer that tries again does not run now.
      if (this.#thread === undefined) this.retry();
      this.#thread?.check(BEAT_INTERVAL_MS);
      waitForChange(this.#words, CONTROL.NEWS, news, Math.min(left, BEAT_INTERVAL_MS));
    }
  }

  /** Whether `Retry-After` certainly holds this client beyond `deadline`, by our clock. */
  isHeldPast(deadline: number): boolean {
    const until = this.#count(COUNTER.HELD_UNTIL);
    if (until === 0 || this.#thread === undefined) return false;
    return until - this.#thread.clock - BEAT_INTERVAL_MS > deadline - now();
  }

  hear(message: ClientMessage): void {
    switch (message.type) {
      case 'held':
        this.#correspondent.held();
        break;
      case 'postponed':
      case 'retried':
        this.#fault = message;
        // Before it, so that a subscriber of both channels knows that this is what came last.
        this.#correspondent.receive({ type: 'delivered', through: message.first - 1 });
        this.#correspondent[message.type](message);
        break;
      case 'delivered':
        this.#correspondent.receive(message);
        break;
      default:
        this.#correspondent.receive({ type: 'delivered', through: message.first - 1 });
        this.#correspondent.receive(message);
    }
  }

  look(): void {
    this.#seen = this.#count(COUNTER.DELIVERED);
  }

  settle(): void {
    // One by one: a callback of the user's may flush, and has to find what is behind it.
    for (let next = this.#told.shift(); next !== undefined; next = this.#told.shift()) this.hear(next);
    this.#correspondent.receive({ type: 'delivered', through: this.#seen });
  }

  threadDied(told: ClientMessage[]): void {
    this.#told = told;
    this.look();
    this.#thread = undefined;
    if (this.#state === 'open') this.#state = 'closed';
    this.#ledger.recall();
  }

  moveOn(): void {
    this.settle();
    const { pending, settled } = this.#ledger;
    if (pending === 0) return;
    this.#deaths = settled === this.#settledAtDeath ? this.#deaths + 1 : 1;
    this.#settledAtDeath = settled;
    if (this.#deaths >= MAX_DEATHS) {
      this.#deaths = 0;
      // Where no batch was in hand the thread died of taking the next event in.
      this.#correspondent.poisoned(Math.max(this.#count(COUNTER.IN_HAND), settled + 1));
    }
    this.retry();
  }

  retry(): void {
    if (!this.waiting || this.#state === 'released') return;
    this.#post();
    if (this.#hurried > this.#ledger.settled) this.hurry();
  }

  /** Lets go of the thread. */
  async release(): Promise<void> {
    const thread = this.#thread;
    this.#thread = undefined;
    this.#state = 'released';
    await thread?.leave(this.#id);
  }

  /** Posts what the ledger has not handed out yet. Never throws. */
  #post(): void {
    this.#opening = false;
    if (this.#state === 'closed') this.#open();
    this.#thread?.dispatch(this);
  }

  #open(): void {
    try {
      const thread = Thread.for(this);
      if (thread === undefined) {
        const { delay } = Thread;
        if (delay !== undefined) this.#correspondent.delayed(delay);
        return;
      }
      this.#renewControl();
      const { settled, signature } = this.#ledger;
      this.#id = thread.open(this, { control: this.#control, settings: this.#settings, signature, settled });
      this.#thread = thread;
      this.#state = 'open';
    } catch (error) {
      this.#correspondent.unavailable(error instanceof Error ? error : new Error(String(error)));
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
