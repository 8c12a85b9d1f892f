// Ledger -> chunks -> the worker, and outcomes back: a client's port, for as many threads as it takes. Next: the worker's
// index.ts; on the way back client.ts.
//
//   closed -> open        something is to be posted
//   open -> closed        the thread died; what is unsettled is posted to the next one
//   any -> released       the client is gone
import { MessageChannel, type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import {
  BEAT_INTERVAL_MS,
  CONTROL,
  CONTROL_BYTES,
  COUNTER,
  type DeliverySettings,
  type ToMain,
} from '@offthread/worker/protocol';
import type { Carrier, Correspondent } from './carrier.js';
import { Chunker } from './chunk.js';
import { waitForChange } from './latch.js';
import type { Ledger } from './ledger.js';
import { type Resident, Thread } from './thread.js';

/** Deaths in a row, without any event settled between them, after which the batch in hand is taken to be the cause. */
const MAX_DEATHS = 3;

export class Link implements Carrier, Resident {
  readonly #ledger: Ledger;
  readonly #settings: DeliverySettings;
  readonly #correspondent: Correspondent;
  readonly #chunker = new Chunker(() => this.#post());
  // Outlives every thread, and so do the counters in it.
  readonly #control = new SharedArrayBuffer(CONTROL_BYTES);
  readonly #words = new Int32Array(this.#control);
  readonly #counters = new BigInt64Array(this.#control);
  #state: 'closed' | 'open' | 'released' = 'closed';
  #thread: Thread | undefined;
  #port: MessagePort | undefined;
  #deaths = 0;
  #settledAtDeath = 0;
  /** Sequence number up to which somebody waits. */
  #hurried = 0;

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

  added(): void {
    this.#chunker.added();
  }

  /** Posts what has gathered, and tells the worker that somebody waits. */
  hurry(): void {
    this.#chunker.post();
    this.#hurried = this.#ledger.accepted;
    this.#port?.postMessage({ type: 'flush' });
  }

  /**
   * Blocks until `done`, taking in outcomes meanwhile, until `deadline` on `performance.now()`, or until it is certain
   * that nothing can happen before. Returns whether it is done.
   */
  block(done: () => boolean, deadline: number): boolean {
    for (;;) {
      // Read before looking into the port: what is posted after that changes the word, and the wait does not begin.
      const seen = Atomics.load(this.#words, CONTROL.POSTED);
      this.#drain();
      if (done()) return true;
      const left = deadline - performance.now();
      if (left <= 0 || this.isHeldPast(deadline)) return false;
      this.#thread?.look();
      waitForChange(this.#words, CONTROL.POSTED, seen, Math.min(left, BEAT_INTERVAL_MS));
    }
  }

  /** Whether `Retry-After` holds this client beyond `deadline`, on `performance.now()`. */
  isHeldPast(deadline: number): boolean {
    const until = Atomics.load(this.#counters, COUNTER.HELD_UNTIL);
    if (until === 0n) return false;
    return Number(until - process.hrtime.bigint()) / 1e6 > deadline - performance.now();
  }

  threadDied(): void {
    if (this.#state !== 'open') return;
    const told: ToMain[] = [];
    for (let next = this.#take(); next !== undefined; next = this.#take()) told.push(next);
    this.#close();
    this.#ledger.recall();
    // Now that all is ready for the next thread: a callback of the user's may flush, or end the process.
    for (const message of told) this.#hear(message);
    const { pending, settled } = this.#ledger;
    if (pending === 0) return;
    this.#deaths = settled === this.#settledAtDeath ? this.#deaths + 1 : 1;
    this.#settledAtDeath = settled;
    if (this.#deaths >= MAX_DEATHS) {
      this.#deaths = 0;
      // Where no batch was in hand the thread died of taking the next event in.
      this.#correspondent.poisoned(Math.max(this.#count(COUNTER.IN_HAND), settled + 1));
    }
    if (!this.waiting) return;
    this.#post();
    if (this.#hurried > this.#ledger.settled) this.hurry();
  }

  /** Lets go of port and thread. */
  async release(): Promise<void> {
    const thread = this.#thread;
    this.#chunker.stop();
    if (this.#state === 'open') this.#port?.postMessage({ type: 'close' });
    this.#close();
    this.#state = 'released';
    await thread?.leave(this);
  }

  /** Posts what the ledger has not handed out yet. Never throws. */
  #post(): void {
    if (this.#state === 'closed') this.#open();
    if (this.#state !== 'open') return;
    for (const chunk of this.#ledger.takeChunks()) this.#port?.postMessage(chunk);
    this.#thread?.watch();
  }

  #open(): void {
    try {
      const thread = Thread.current();
      const { port1: port, port2 } = new MessageChannel();
      const { settled, signature } = this.#ledger;
      const settings = this.#settings;
      thread.open(this, { port: port2, control: this.#control, settings, signature, settled });
      // Listening first: it refs the port, and a client must not hold the process open.
      port.on('message', (message: ToMain) => {
        if (this.#port === port) this.#hear(message);
      });
      port.unref();
      this.#thread = thread;
      this.#port = port;
      this.#state = 'open';
    } catch (error) {
      this.#correspondent.unavailable(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #close(): void {
    // What held the thread that is gone does not hold the next one.
    Atomics.store(this.#counters, COUNTER.HELD_UNTIL, 0n);
    this.#port?.close();
    this.#port = undefined;
    this.#thread = undefined;
    if (this.#state === 'open') this.#state = 'closed';
  }

  #drain(): void {
    for (let next = this.#take(); next !== undefined; next = this.#take()) this.#hear(next);
  }

  /** The next message. Asks for the port anew each time: a callback of the user's may have closed it. */
  #take(): ToMain | undefined {
    return this.#port && receiveMessageOnPort(this.#port)?.message;
  }

  #hear(message: ToMain): void {
    if (message.type === 'held') this.#correspondent.held();
    else this.#correspondent.receive(message);
  }

  #count(slot: number): number {
    return Number(Atomics.load(this.#counters, slot));
  }
}
