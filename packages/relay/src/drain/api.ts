// The Tracking API, as partition-drain.ts sends events of a source to it: by the worker's own delivery, with the policy
// of events that are stored. A temporary fault never gives an event up.
import { Delivery, type DeliveryListener } from '@offthread/worker/delivery/delivery';
import type { Authorize } from '@offthread/worker/http/authorization';
import type { Response } from '@offthread/worker/http/response';
import { createSend, type Send } from '@offthread/worker/http/send-batch';
import { MAX_BATCH_EVENTS } from '@offthread/worker/limits';
import type { ConnectionSettings, DeliverySettings } from '@offthread/worker/protocol';
import type { Source } from '../source.js';
import type { EntryQueue } from './entry-queue.js';

/** How the API is reached. */
export interface ApiSettings extends Partial<ConnectionSettings> {
  /** Address of the batch route. */
  readonly url: string;
  readonly userAgent: string;
}

/** What a delivery asks and tells. */
export interface Sending extends Omit<DeliveryListener, 'onBatchStart' | 'onRetry'> {
  /** Called before each attempt. Close the delivery to prevent it. */
  permit(): Promise<void>;
  /** A setting is wrong, and no event is at fault. */
  onPause(code: string, message: string, status: number | undefined): void;
}

/** Milliseconds for a request. */
const REQUEST_TIMEOUT_MS = 10_000;

export class Api {
  readonly #settings: DeliverySettings;
  readonly #send: Send;
  readonly #gone = new AbortController();

  /** @param onResponse called with the result of each request. */
  constructor(settings: ApiSettings, { writeKey }: Source, onResponse: (response: Response) => void) {
    this.#settings = {
      proxy: undefined,
      tls: undefined,
      requestTimeout: REQUEST_TIMEOUT_MS,
      ...settings,
      writeKey,
      batchSize: MAX_BATCH_EVENTS,
      maxBatchSize: MAX_BATCH_EVENTS,
      linger: 0,
      maxRetries: 0,
      maxRetryDuration: 0,
      headers: {},
      gzip: false,
      stub: false,
    };
    const send = createSend(this.#settings, this.#gone.signal);
    this.#send = async (body, retry, signal, authorization) => {
      const response = await send(body, retry, signal, authorization);
      if (!signal.aborted) onResponse(response);
      return response;
    };
  }

  /** Starts the delivery of what is added to a queue. */
  deliver(queue: EntryQueue, sending: Sending): Delivery {
    const authorize: Authorize = async () => {
      await sending.permit();
      return { type: 'authorized', check: (response) => response };
    };
    const listener: DeliveryListener = {
      onOutcome: (outcome, frames) => sending.onOutcome(outcome, frames),
      onBatchStart() {},
      onRequest: (bytes, retry) => sending.onRequest(bytes, retry),
      onPostponed: (retry) => sending.onPostponed(retry),
      onRetry() {},
      onRetryAfter: (delay) => sending.onRetryAfter(delay),
    };
    return new Delivery(queue, { ...this.#settings, spool: true }, authorize, this.#send, listener, {
      // A partition has one delivery, and its own turn.
      turn: { take: async () => () => {}, flush() {} },
      maxBatch: Number.POSITIVE_INFINITY,
      takeLost: () => undefined,
      expire: () => undefined,
      onPause: ({ code, message }, status) => sending.onPause(code, message, status),
    });
  }

  /** Closes the connections. */
  close(): void {
    this.#gone.abort();
  }
}
