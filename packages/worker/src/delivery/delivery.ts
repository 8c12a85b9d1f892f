// Sends the events of a queue: batches -> requests, one at a time and in order -> outcomes. Next: retry.ts, outcome.ts.
//
// Over 200 lines, because it is one state machine, and its parts would have to share all of its state. What needs none
// of it has its own file: retry.ts, backoff.ts, split-batch.ts, upload-limit.ts, outcome.ts. The states:
//
//   idle -> sending                          events are waiting
//   idle, sending -> lingering -> sending    a short batch waits for more events; a flush ends the wait
//   sending -> backing-off -> sending        a fault; the first flush makes one attempt at once, and then the backoff
//                                            continues
//   sending -> held -> sending               Retry-After; nothing ends it early
//   sending -> idle                          no events are waiting
//   any -> closed                            the client is closed

import { type Batch, type FrameSource, type Oversize, sizeOf, takeBatch } from '../batch/batch.js';
import { bodyOf, openingOf, releaseBody } from '../batch/body.js';
import type { Frame } from '../batch/queue.js';
import type { Authorize } from '../http/authorization.js';
import type { Send } from '../http/send-batch.js';
import { MAX_BODY_BYTES } from '../limits.js';
import type { DeliverySettings, Outcome, Retry } from '../protocol.js';
import { Backoff } from './backoff.js';
import { type Attempts, delivered, failed, oversize, retried } from './outcome.js';
import { judge, type RetryPolicy, type Verdict } from './retry.js';
import { MAX_REFUSED_IN_A_ROW, type Part, SplitBatch } from './split-batch.js';
import { UploadLimit } from './upload-limit.js';

/**
 * Milliseconds between the starts of two requests of a client, unless a batch is full or a caller waits. The cost of a
 * request doesn't depend on its size, and 200 ms is soon enough for all but the first event.
 */
const PACE_MS = 200;

/**
 * Milliseconds that a batch waits for the code that tracks its events to return, and between two checks for that. Most
 * code returns long before. If it doesn't, it may run for seconds, so the events that it has tracked are sent.
 */
const FILLING_MS = 100;
const FILLING_STEP_MS = 5;

/** The settings of a client that concern delivery. */
type Settings = Pick<DeliverySettings, 'batchSize' | 'maxBatchSize' | 'linger' | 'oauth' | 'writeKey'> &
  RetryPolicy;

type State = 'idle' | 'lingering' | 'sending' | 'backing-off' | 'held' | 'closed';

/** The source of events to send. */
export interface DeliveryQueue extends FrameSource {
  /** Number of waiting frames. */
  readonly length: number;
  readonly bytes: number;
  /** Sequence number of the first waiting frame, or infinity if there is none. */
  readonly next: number;
  /** Sequence number of the last frame that was counted. */
  readonly last: number;
  /** Whether main is about to add frames. */
  readonly isFilling: boolean;
  /** Looks for frames that main has added. Returns whether there are any. */
  look(): boolean;
  clear(): void;
}

/** What delivery needs in addition if the frames of a queue are on disk. */
export interface StoredQueue {
  /** Allows one request at a time for each source. */
  readonly turn: {
    take(sender: { flush(): void }): Promise<() => void>;
    flush(sender: { flush(): void }): void;
  };
  /** Most frames of a batch. */
  readonly maxBatch: number;
  /** Takes the next frames if they can't be sent. */
  takeLost(): Outcome | undefined;
  /** Returns the outcome of the batch if all of it is too old. */
  expire(frames: readonly Frame[]): Outcome | undefined;
  /** Called when a setting is wrong and no event is at fault. */
  onPause(verdict: Verdict & { type: 'pause' }, status: number | undefined): void;
}

/** Receives the results of delivery. */
export interface DeliveryListener {
  /** @param frames the frames of this outcome, as far as they are known. */
  onOutcome(outcome: Outcome, frames: readonly Frame[]): void;
  /** A batch is about to be sent for the first time. */
  onBatchStart(batch: Batch): void;
  /** A request is about to be sent. `retry` is 0 for the first request of a batch. */
  onRequest(bytes: number, retry: number): void;
  /** A request failed and will be repeated later. */
  onPostponed(retry: Retry): void;
  /** The request repeats an earlier one. */
  onRetry(retry: Retry): void;
  /** `Retry-After` asks for a pause of `delay` ms from now on. 0 when it is over. */
  onRetryAfter(delay: number): void;
}

export class Delivery {
  readonly #queue: DeliveryQueue;
  readonly #stored: StoredQueue | undefined;
  readonly #settings: Settings;
  readonly #authorize: Authorize;
  readonly #send: Send;
  readonly #opening: Buffer;
  readonly #listener: DeliveryListener;
  readonly #abort = new AbortController();
  /** What is left of a batch that was refused or too large for the connection. */
  readonly #split = new SplitBatch();
  readonly #limit = new UploadLimit();
  #state: State = 'idle';
  /** When the last request started. */
  #began = Number.NEGATIVE_INFINITY;
  /** The backoff before the next attempt. Also set while a flush makes an attempt before it ends. */
  #backoff: Backoff | undefined;
  /** Sequence number up to which a caller waits. These frames don't linger, however many batches they need. */
  #flushThrough = 0;
  #endWait: (() => void) | undefined;

  constructor(
    queue: DeliveryQueue,
    settings: Settings,
    authorize: Authorize,
    send: Send,
    listener: DeliveryListener,
    stored?: StoredQueue,
  ) {
    this.#stored = stored;
    this.#queue = queue;
    this.#settings = settings;
    this.#authorize = authorize;
    this.#send = send;
    this.#opening = openingOf(settings);
    this.#listener = listener;
  }

  get busy(): boolean {
    return this.#state !== 'idle' && this.#state !== 'closed';
  }

  /** Looks for frames that main has added, unless they couldn't be sent now. Returns whether there are any. */
  look(): boolean {
    if (this.#state !== 'idle' && this.#state !== 'lingering') return false;
    const hasMore = this.#queue.look();
    this.wake();
    return hasMore;
  }

  /** Call this when frames may have been queued. */
  wake(): void {
    if (this.#state === 'idle' && this.#queue.length > 0) void this.#run();
    else if (this.#state === 'lingering' && this.#isFull()) this.#endWait?.();
  }

  /**
   * Sends what is queued for a waiting caller: it doesn't linger, and an attempt is made now. A request in flight
   * counts as that attempt.
   */
  flush(): void {
    this.#queue.look();
    this.#flushThrough = this.#queue.last;
    if (this.#state === 'idle') this.wake();
    else if (this.#state === 'lingering') this.#endWait?.();
    else if (this.#state === 'backing-off' && this.#backoff?.tryEarly()) this.#endWait?.();
    this.#stored?.turn.flush(this);
  }

  /** Ends without further outcomes. */
  close(): void {
    this.#state = 'closed';
    this.#queue.clear();
    this.#endWait?.();
    this.#abort.abort();
  }

  async #run(): Promise<void> {
    this.#state = 'sending';
    for (let hasMore = true; hasMore; ) {
      await this.#gather();
      const endTurn = await this.#stored?.turn.take(this);
      hasMore = !this.#isClosed() && (await this.#sendNext());
      endTurn?.();
      if (this.#isClosed()) return;
    }
    this.#state = 'idle';
  }

  /** Returns false if nothing waits. */
  async #sendNext(): Promise<boolean> {
    const lost = this.#stored?.takeLost();
    if (lost !== undefined) {
      this.#listener.onOutcome(lost, []);
      return true;
    }
    const next = this.#next();
    if (next === undefined) return false;
    if ('frame' in next) this.#listener.onOutcome(oversize(next), [next.frame]);
    else await this.#deliver(next);
    return true;
  }

  #next(): Part | Oversize | undefined {
    const { bytes } = this.#limit;
    const part = this.#split.next(this.#opening, bytes);
    if (part !== undefined) return part;
    const most = this.#stored?.maxBatch ?? Number.POSITIVE_INFINITY;
    const size = Math.min(sizeOf(this.#queue.length, this.#settings), most);
    const batch = takeBatch(this.#queue, size, this.#opening, bytes);
    return batch === undefined || 'frame' in batch ? batch : { batch };
  }

  /** Tries a batch until it is settled or split. */
  async #deliver({ batch, tried }: Part): Promise<void> {
    const since = tried?.since ?? performance.now();
    this.#listener.onBatchStart(batch);
    let response = tried?.last;
    let bytes = 0;
    for (let attempts = tried?.attempts ?? 0, retries = tried?.retries ?? 0; ; ) {
      const authorization = await this.#authorize(this.#abort.signal);
      if (this.#isClosed()) return;
      // Without authorization no request is made, and the token server's reply is judged instead.
      if (authorization.type !== 'authorized') response = authorization;
      else {
        // Created now because authorization may take time, and the API corrects clocks by `sentAt`.
        const body = bodyOf(batch, new Date(), this.#opening);
        bytes = body.length;
        this.#began = performance.now();
        this.#listener.onRequest(bytes, attempts);
        if (response !== undefined && attempts > 0)
          this.#listener.onRetry(retried(batch, attempts, response));
        response = authorization.check(
          await this.#send(body, attempts, this.#abort.signal, authorization.header),
        );
        if (response.type === 'reply' && response.sent) releaseBody(body);
        attempts++;
      }
      if (this.#isClosed()) return;

      const now = performance.now();
      const left = this.#backoff?.left(now);
      const tries = { attempts, retries, elapsed: now - since, events: batch.frames.length, left };
      const verdict = judge(response, tries, this.#settings, Math.random, Date.now());
      if (verdict.type !== 'retry' && verdict.type !== 'renew') this.#backoff = undefined;
      if (response.type === 'fault' && response.slow) this.#limit.slow(bytes);
      switch (verdict.type) {
        case 'delivered':
          this.#split.delivered();
          this.#limit.delivered(bytes);
          return this.#listener.onOutcome(delivered(batch), batch.frames);
        case 'fail': {
          const status = response.type === 'reply' ? response.status : undefined;
          return this.#fail(batch, verdict, { attempts, status });
        }
        case 'halve':
          return this.#split.halve(batch);
        case 'retry':
          this.#listener.onPostponed(retried(batch, attempts, response));
          if (await this.#backOff(verdict.delay)) retries++;
          if (bytes <= this.#limit.bytes || batch.frames.length === 1) break;
          // Too large for the connection: the parts are sent separately and keep the record of earlier attempts.
          return this.#split.putBack({ batch, tried: { since, attempts, retries, last: response } });
        case 'pause':
          this.#stored?.onPause(verdict, response.type === 'reply' ? response.status : undefined);
          await this.#wait('held', verdict.delay);
          break;
        case 'renew':
          break;
        case 'hold':
          this.#listener.onPostponed(retried(batch, attempts, response));
          this.#listener.onRetryAfter(verdict.delay);
          await this.#wait('held', verdict.delay);
          this.#listener.onRetryAfter(0);
          break;
        default:
          verdict satisfies never;
      }
      if (this.#isClosed()) return;
      const expired = this.#stored?.expire(batch.frames);
      if (expired !== undefined) return this.#listener.onOutcome(expired, batch.frames);
    }
  }

  /** Waits until the next attempt. Returns whether it is the one that was due. */
  async #backOff(delay: number): Promise<boolean> {
    this.#backoff ??= new Backoff(performance.now(), delay);
    const isOver = await this.#wait('backing-off', delay);
    if (isOver) this.#backoff = undefined;
    return isOver;
  }

  #fail(batch: Batch, verdict: Verdict & { type: 'fail' }, tried: Attempts): void {
    this.#listener.onOutcome(failed(batch, verdict, tried), batch.frames);
    // With a spool, each refused event is set aside separately.
    const rest = this.#stored === undefined ? this.#split.failed(batch, verdict) : undefined;
    if (rest === undefined) return;
    const message = `${verdict.message}; it refused ${MAX_REFUSED_IN_A_ROW} events of this batch in a row, so the rest was not sent`;
    this.#listener.onOutcome(failed(rest, { ...verdict, message }, tried), rest.frames);
  }

  /** Gives a short batch time to grow. */
  async #gather(): Promise<void> {
    const queue = this.#queue;
    queue.look();
    for (
      let waited = 0;
      this.#mayGrow() && queue.isFilling && waited < FILLING_MS;
      waited += FILLING_STEP_MS
    ) {
      await this.#wait('lingering', FILLING_STEP_MS);
      queue.look();
    }
    // The very first event doesn't linger.
    const linger = this.#began > 0 ? this.#settings.linger : 0;
    const delay = Math.max(linger, this.#began + PACE_MS - performance.now());
    if (delay <= 0 || !this.#mayGrow()) return;
    await this.#wait('lingering', delay);
    queue.look();
  }

  #mayGrow(): boolean {
    const { length, next } = this.#queue;
    return (
      length > 0 && next > this.#flushThrough && !this.#isFull() && !this.#split.isSplit && !this.#isClosed()
    );
  }

  #isFull(): boolean {
    const { length, bytes } = this.#queue;
    return length >= this.#settings.batchSize || bytes >= Math.min(MAX_BODY_BYTES, this.#limit.bytes);
  }

  // A method, because TypeScript assumes that the state doesn't change across an await.
  #isClosed(): boolean {
    return this.#state === 'closed';
  }

  /** Returns whether the full delay has passed. */
  async #wait(state: 'lingering' | 'backing-off' | 'held', delay: number): Promise<boolean> {
    if (this.#isClosed()) return false;
    this.#state = state;
    const isOver = await new Promise<boolean>((resolve) => {
      const timer = setTimeout(resolve, delay, true);
      this.#endWait = () => {
        clearTimeout(timer);
        resolve(false);
      };
    });
    this.#endWait = undefined;
    if (!this.#isClosed()) this.#state = 'sending';
    return isOver;
  }
}
