// Queue -> batches -> requests, one at a time and in order -> outcomes. Next: outcome.ts.
//
// One state, and the ways between them:
//
//   idle -> sending                      events wait
//   idle, sending -> lingering -> sending    a short batch waits for company; a flush cuts it short
//   sending -> backing-off -> sending    a fault; the first flush has one attempt made at once, then it goes on
//   sending -> held -> sending           Retry-After; nothing cuts it short
//   sending -> idle                      nothing waits any more
//   any -> closed                        the client is gone

import { type Batch, type Oversize, sizeOf, takeBatch } from '../batch/batch.js';
import { bodyOf, openingOf, releaseBody } from '../batch/body.js';
import type { Queue } from '../batch/queue.js';
import type { Authorize } from '../http/authorization.js';
import type { Send } from '../http/send-batch.js';
import type { DeliverySettings, Outcome, Retry } from '../protocol.js';
import { Backoff } from './backoff.js';
import { type Attempts, delivered, failed, oversize, retried } from './outcome.js';
import { judge, type Verdict } from './retry.js';
import { MAX_REFUSED_IN_A_ROW, type Part, SplitBatch } from './split-batch.js';
import { UploadLimit } from './upload-limit.js';

type State = 'idle' | 'lingering' | 'sending' | 'backing-off' | 'held' | 'closed';

/** Those who want to know how it goes. */
export interface DeliveryListener {
  onOutcome(outcome: Outcome): void;
  /** A batch is about to be tried for the first time. */
  onBatchStart(batch: Batch): void;
  /** A request is about to be sent; `retry` is 0 for the first one of a batch. */
  onRequest(bytes: number, retry: number): void;
  /** A request failed, and is to be repeated later. */
  onPostponed(retry: Retry): void;
  /** The request repeats an earlier one. */
  onRetry(retry: Retry): void;
  /** `Retry-After` asks for `delay` ms of silence from now on; 0 when they are over. */
  onRetryAfter(delay: number): void;
}

export class Delivery {
  readonly #queue: Queue;
  readonly #settings: DeliverySettings;
  readonly #authorize: Authorize;
  readonly #send: Send;
  readonly #opening: Buffer;
  readonly #listener: DeliveryListener;
  readonly #abort = new AbortController();
  /** What is left of a batch that was refused or too large for the link. */
  readonly #split = new SplitBatch();
  readonly #limit = new UploadLimit();
  #state: State = 'idle';
  #started = false;
  /** The backoff that the next attempt is due after; also while a flush has one made before its end. */
  #backoff: Backoff | undefined;
  /** Sequence number up to which somebody waits for frames: none of them lingers, in however many batches they go. */
  #flushThrough = 0;
  #endWait: (() => void) | undefined;

  constructor(
    queue: Queue,
    settings: DeliverySettings,
    authorize: Authorize,
    send: Send,
    listener: DeliveryListener,
  ) {
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

  /** Frames were queued. */
  wake(): void {
    if (this.#state === 'idle') void this.#run();
    else if (this.#state === 'lingering' && this.#isFull()) this.#endWait?.();
  }

  /**
   * Somebody waits for what is queued: it does not linger, and an attempt is made now. If a request is out, it is that
   * attempt.
   */
  flush(): void {
    this.#flushThrough = this.#queue.last;
    if (this.#state === 'lingering') this.#endWait?.();
    else if (this.#state === 'backing-off' && this.#backoff?.tryEarly()) this.#endWait?.();
  }

  /** Ends without any further outcome. */
  close(): void {
    this.#state = 'closed';
    this.#queue.clear();
    this.#endWait?.();
    this.#abort.abort();
  }

  async #run(): Promise<void> {
    this.#state = 'sending';
    // The very first event goes at once; linger is for those after it.
    if (this.#started && this.#settings.linger > 0) await this.#linger();
    this.#started = true;
    while (!this.#isClosed()) {
      const next = this.#next();
      if (next === undefined) break;
      if ('frame' in next) {
        this.#listener.onOutcome(oversize(next));
        continue;
      }
      await this.#deliver(next);
      if (this.#settings.linger > 0) await this.#linger();
    }
    if (this.#isClosed()) return;
    this.#state = 'idle';
  }

  #next(): Part | Oversize | undefined {
    const { bytes } = this.#limit;
    const part = this.#split.next(this.#opening, bytes);
    if (part !== undefined) return part;
    const size = sizeOf(this.#queue.length, this.#settings);
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
      // Whoever is not let in has made no request, and is judged by the answer they got instead.
      if (authorization.type !== 'authorized') response = authorization;
      else {
        // Now, because a pass may take its time, and the API sets clocks right by `sentAt`.
        const body = bodyOf(batch, new Date(), this.#opening);
        bytes = body.length;
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
          return this.#listener.onOutcome(delivered(batch));
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
          // Too large for the link: it goes on in parts, which inherit what was tried.
          return this.#split.putBack({ batch, tried: { since, attempts, retries, last: response } });
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
    }
  }

  /** Waits until an attempt is to be made. Returns whether it is the one that was due. */
  async #backOff(delay: number): Promise<boolean> {
    this.#backoff ??= new Backoff(performance.now(), delay);
    const isOver = await this.#wait('backing-off', delay);
    if (isOver) this.#backoff = undefined;
    return isOver;
  }

  #fail(batch: Batch, verdict: Verdict & { type: 'fail' }, tried: Attempts): void {
    this.#listener.onOutcome(failed(batch, verdict, tried));
    const rest = this.#split.failed(batch, verdict);
    if (rest === undefined) return;
    const message = `${verdict.message}; so it refused ${MAX_REFUSED_IN_A_ROW} events of this batch one by one, and delivered none`;
    this.#listener.onOutcome(failed(rest, { ...verdict, message }, tried));
  }

  async #linger(): Promise<void> {
    if (this.#queue.length === 0 || this.#isFull() || this.#split.isSplit) return;
    if (this.#queue.next > this.#flushThrough) await this.#wait('lingering', this.#settings.linger);
  }

  #isFull(): boolean {
    return this.#queue.length >= this.#settings.batchSize;
  }

  // A call, because TypeScript believes that a state it has seen lasts across an await.
  #isClosed(): boolean {
    return this.#state === 'closed';
  }

  /** Returns whether all of the time has passed. */
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
