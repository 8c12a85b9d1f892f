// Delivers the events of one partition while this relay holds its lease: reads as many entries as one request carries,
// sends them, removes them, and reads again. Next: api.ts, the worker's delivery.ts.
//
//   reading -> waiting -> reading           nothing is there, the API asked for a pause, or a setting is wrong
//   reading -> sending -> reading           all of it is settled and removed
//   reading, waiting, sending -> ended      end(): a request that is out is finished first
//   any -> ended                            the lease is lost: everything stops at once
//
// It always reads from the first entry. After a failover, entries can appear before those that were read.
import type { Delivery } from '@offthread/worker/delivery/delivery';
import { backoff } from '@offthread/worker/delivery/retry';
import { MAX_BATCH_EVENTS } from '@offthread/worker/limits';
import type { Engine, Entry } from '../engine/engine.js';
import type { Api, Sending } from './api.js';
import { Ended, EngineAccess } from './engine-access.js';
import { EntryQueue } from './entry-queue.js';
import { areMany, hasEndedRelays, togetherWith } from './entry-selection.js';
import type { HeldLease } from './held-lease.js';
import { type RemovalListener, Removals } from './removals.js';
import { RequestMarks } from './request-marks.js';
import type { SendLimit } from './send-limit.js';

/** Milliseconds between the starts of two requests, unless a lot is waiting. The same as in the worker. */
const PACE_MS = 200;

/** Milliseconds between two reads if nothing is there: the shortest and the longest time. */
const IDLE_MS = [50, 500] as const;

/** Longest time in milliseconds until a hold is looked at again. */
const HOLD_MS = 1_000;

export interface PartitionListener extends RemovalListener {
  onPause(code: string, message: string, status: number | undefined): void;
  onFailure(error: Error): void;
}

export interface PartitionOptions {
  readonly engine: Engine;
  readonly held: HeldLease;
  readonly api: Api;
  readonly limit: SendLimit;
  /** Milliseconds between attempts while a setting is wrong. */
  readonly pauseDuration: number;
  readonly listener: PartitionListener;
}

/** How the sending of entries ended: all are settled, or they are read again after `wait` ms. */
type Sent = { readonly type: 'settled' } | { readonly type: 'stopped'; readonly wait: number };

export class PartitionDrain {
  readonly partition: number;
  /** Resolves when nothing more is done and the lease is released. */
  readonly ended: Promise<void>;
  readonly #options: PartitionOptions;
  readonly #source: string;
  readonly #access: EngineAccess;
  readonly #marks: RequestMarks;
  readonly #removals: Removals;
  readonly #queue = new EntryQueue();
  readonly #ending = new AbortController();
  #delivery: Delivery | undefined;
  /** Resolves the current `#send`. */
  #finish: ((sent: Sent) => void) | undefined;
  /** Whether one of the entries may be what ends the processes that send it. */
  #isSuspect = false;
  /** Whether a request is out. */
  #isOut = false;
  /** When the last request began. */
  #began = Number.NEGATIVE_INFINITY;
  #idle: number = IDLE_MS[0];
  /** Attempts that have failed in a row. */
  #failures = 0;
  #withdraw: (() => void) | undefined;

  constructor(options: PartitionOptions) {
    const { engine, held, limit, listener } = options;
    this.#options = options;
    this.#source = held.lease.source;
    this.partition = held.lease.partition;
    this.#access = new EngineAccess(engine, held, (error) => listener.onFailure(error));
    this.#marks = new RequestMarks(this.#access, limit);
    this.#removals = new Removals(this.#access, listener);
    held.lost.addEventListener('abort', () => {
      this.#ending.abort();
      this.#stop(0);
    });
    this.ended = this.#run();
  }

  get isEnding(): boolean {
    return this.#ending.signal.aborted;
  }

  /** Finishes the request that is out and gives the partition back. */
  end(): void {
    this.#ending.abort();
    if (!this.#isOut) this.#stop(0);
    this.#access.end();
  }

  async #run(): Promise<void> {
    const { held, listener } = this.#options;
    try {
      while (!this.isEnding) {
        const wait = await this.#turn();
        if (wait > 0 && !this.isEnding) await this.#access.pause(wait);
      }
    } catch (error) {
      if (!(error instanceof Ended)) listener.onFailure(error as Error);
    }
    this.#ending.abort();
    this.#close();
    await held.release().catch((error: Error) => listener.onFailure(error));
  }

  /** Reads and sends once. Returns how many milliseconds to wait before the next time. */
  async #turn(): Promise<number> {
    const left = await this.#holdLeft();
    if (left > 0) return Math.min(left, HOLD_MS);
    const leave = await this.#options.limit.enter(this.#ending.signal);
    if (leave === undefined) return 0;
    try {
      const found = await this.#access.use((engine, lease) =>
        engine.read(lease, undefined, MAX_BATCH_EVENTS),
      );
      return await this.#handle(found);
    } finally {
      leave();
    }
  }

  async #handle(found: readonly Entry[]): Promise<number> {
    const [first] = found;
    if (first === undefined) {
      const wait = this.#idle;
      this.#idle = Math.min(wait * 1.5, IDLE_MS[1]);
      return wait;
    }
    this.#idle = IDLE_MS[0];
    const entries = togetherWith(first, found);
    const isEmpty = entries.every(({ texts }) => texts.length === 0);
    if (hasEndedRelays(first) || isEmpty) {
      const message = 'Three relays ended while they sent only this event and those that were stored with it';
      this.#removals.giveUp(entries, 'ends_relays', message);
      await this.#removals.done;
      return 0;
    }
    const sent = await this.#send(entries);
    await this.#removals.done;
    if (sent.type === 'stopped') return sent.wait;
    if (first.marks > 0 || areMany(entries)) return 0;
    return Math.max(0, this.#began + PACE_MS - performance.now());
  }

  /** Sends entries until they are settled, or something keeps them from being sent. */
  #send(entries: readonly Entry[]): Promise<Sent> {
    this.#queue.push(entries);
    this.#isSuspect = entries.some(({ marks }) => marks > 0);
    return new Promise((resolve) => {
      this.#finish = resolve;
      const delivery = this.#delivery ?? this.#options.api.deliver(this.#queue, this.#sending());
      this.#delivery = delivery;
      // Not before the delivery has noticed that the batch before is settled.
      setImmediate(() => delivery.wake());
    });
  }

  #sending(): Sending {
    return {
      permit: () => this.#permit(),
      onRequest: () => {
        this.#began = performance.now();
        this.#marks.send();
      },
      onOutcome: (outcome, frames) => {
        this.#failures = 0;
        this.#removals.add(outcome, frames);
        const { ids, through } = this.#queue.settle(outcome.through);
        if (ids.length > 0) this.#removals.remove(ids, through);
        if (this.#queue.isSettled) this.#settled();
      },
      onPostponed: () => this.#postponed(),
      onRetryAfter: (delay) => {
        if (delay === 0) return;
        const end = performance.now() + delay;
        this.#removals.after(() =>
          this.#access.use((engine) => engine.hold(this.#source, end - performance.now())),
        );
        this.#stop(0);
      },
      onPause: (code, message, status) => {
        const { listener, pauseDuration } = this.#options;
        this.#returned();
        listener.onPause(code, message, status);
        this.#stop(pauseDuration);
      },
    };
  }

  /** Called before each attempt: stops the delivery if it may not be made now. */
  async #permit(): Promise<void> {
    const { held, listener } = this.#options;
    try {
      // If the request before was refused, its parts are sent at once.
      this.#isOut = false;
      this.#withdraw?.();
      this.#marks.unmark();
      if (this.isEnding) throw new Ended();
      const left = await this.#holdLeft();
      if (left > 0) return this.#stop(Math.min(left, HOLD_MS));
      await this.#marks.begin(this.#queue.ids, this.#isSuspect);
      if (held.isLost || this.isEnding) throw new Ended();
      // From here on, the request is made without a pause.
      this.#isOut = true;
    } catch (error) {
      if (!(error instanceof Ended)) listener.onFailure(error as Error);
      this.#marks.unmark();
      this.#stop(0);
    }
  }

  /** A request has failed. It is repeated later: by the delivery, or from the start if others need its room. */
  #postponed(): void {
    this.#failures++;
    this.#returned();
    if (this.#finish === undefined) return;
    const giveUp = (): void => this.#stop(backoff(this.#failures, Math.random));
    this.#withdraw = this.#options.limit.offer(giveUp);
  }

  /** A request has come back, and is repeated later. */
  #returned(): void {
    this.#isOut = false;
    this.#marks.unmark();
    if (this.isEnding) this.#stop(0);
  }

  #settled(): void {
    this.#isOut = false;
    this.#marks.settle();
    this.#finish?.({ type: 'settled' });
    this.#finish = undefined;
  }

  /** Milliseconds for which the API has asked to send nothing. */
  #holdLeft(): Promise<number> {
    return this.#access.use((engine) => engine.hold(this.#source));
  }

  /** Ends what is being sent, and has it read again after `wait` ms. */
  #stop(wait: number): void {
    const finish = this.#finish;
    if (finish === undefined) return;
    this.#close();
    finish({ type: 'stopped', wait });
  }

  /** Aborts what is being sent. */
  #close(): void {
    this.#finish = undefined;
    this.#isOut = false;
    this.#withdraw?.();
    this.#delivery?.close();
    this.#delivery = undefined;
    this.#queue.clear();
    this.#removals.forget();
    this.#marks.unmark();
  }
}
