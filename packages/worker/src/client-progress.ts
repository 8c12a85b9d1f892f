// Reports to main what happens to the events of one client: counts in the client's control block, and posts messages.
// Used by open-client.ts. The counterpart on main is worker-progress.ts of the SDK.
import type { MessagePort } from 'node:worker_threads';
import type { Batch } from './batch/batch.js';
import type { DeliveryListener } from './delivery/delivery.js';
import { signalLife, writeClock } from './heartbeat.js';
import { type ClientMessage, CONTROL, COUNTER, type Outcome, type Retry } from './protocol.js';

/** A message about a client, without its number. */
type ProgressMessage = ClientMessage extends infer Each
  ? Each extends ClientMessage
    ? Omit<Each, 'client'>
    : never
  : never;

export class ClientProgress implements DeliveryListener {
  readonly #client: number;
  readonly #port: MessagePort;
  readonly #words: Int32Array;
  readonly #counters: BigInt64Array;
  readonly #onSettled: (outcome: Outcome) => void;
  /** Sequence number up to which all events are settled. */
  #through: number;

  /**
   * @param control the client's control block.
   * @param settled sequence number up to which an earlier worker has settled all events.
   * @param onSettled is called before main knows of the outcome. Main may then release the client, and use its memory
   * again.
   */
  constructor(
    client: number,
    port: MessagePort,
    control: SharedArrayBuffer,
    settled: number,
    onSettled: (outcome: Outcome) => void,
  ) {
    this.#client = client;
    this.#port = port;
    this.#words = new Int32Array(control);
    this.#counters = new BigInt64Array(control);
    this.#through = settled;
    this.#onSettled = onSettled;
  }

  post(message: ProgressMessage): void {
    this.#port.postMessage({ client: this.#client, ...message });
  }

  wakeMain(): void {
    Atomics.add(this.#words, CONTROL.CHANGES, 1);
    Atomics.notify(this.#words, CONTROL.CHANGES);
  }

  /** Posts all deliveries so far, for a caller that has begun to wait and may not know of them. */
  repost(): void {
    this.post({ type: 'delivered', through: this.#through });
  }

  onOutcome(outcome: Outcome): void {
    signalLife();
    const first = this.#through + 1;
    this.#through = outcome.through;
    this.#onSettled(outcome);
    if (outcome.type !== 'delivered') {
      this.post({ ...outcome, first });
      this.#count(COUNTER.LOST, this.#through);
    } else {
      this.#count(COUNTER.DELIVERED, this.#through);
      if (Atomics.load(this.#counters, COUNTER.EXPECTED) >= first) this.post(outcome);
    }
    this.wakeMain();
  }

  onBatchStart(batch: Batch): void {
    Atomics.store(this.#words, CONTROL.ATTEMPTS, 0);
    this.#count(COUNTER.CURRENT_BATCH, batch.through);
  }

  onRequest(bytes: number, retry: number): void {
    signalLife();
    Atomics.store(this.#words, CONTROL.ATTEMPTS, retry + 1);
    Atomics.add(this.#counters, COUNTER.REQUESTS, 1n);
    Atomics.add(this.#counters, COUNTER.BYTES, BigInt(bytes));
    if (retry > 0) Atomics.add(this.#counters, COUNTER.RETRIES, 1n);
  }

  onPostponed(retry: Retry): void {
    this.post({ type: 'postponed', first: this.#through + 1, ...retry });
  }

  onRetry(retry: Retry): void {
    this.post({ type: 'retried', first: this.#through + 1, ...retry });
  }

  onRetryAfter(delay: number): void {
    this.#count(COUNTER.HELD_UNTIL, delay === 0 ? 0 : Math.round(writeClock() + delay));
    if (delay === 0) return;
    this.post({ type: 'held' });
    this.wakeMain();
  }

  #count(slot: number, value: number): void {
    Atomics.store(this.#counters, slot, BigInt(value));
  }
}
