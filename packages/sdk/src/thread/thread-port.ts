// The message port of a worker thread: posts the slabs and messages of all clients in batches, and receives the
// worker's messages. Used by worker-thread.ts.
import { MessageChannel, type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import type { ClientMessage, Handover, ToMain, ToWorker } from '@offthread/worker/protocol';
import { defer, ticked } from '../runtime/clock.js';

/**
 * Number of slabs that are posted one by one while the same code runs, because that code may block. A post costs the
 * main thread 15 µs on a dedicated machine and 200 µs on a virtual one, whatever its size, mostly because the worker
 * wakes up on another CPU. So when a thousand clients hand over slabs in the same run, they are posted together: each
 * post has as many slabs as were posted before it, and the rest are posted when the running code has ended.
 */
const FEW = 8;

export class ThreadPort {
  readonly #port: MessagePort;
  /** The worker's end of the channel. */
  readonly workerPort: MessagePort;
  readonly #onProgress: () => void;
  #isClosed = false;
  #outbox: ToWorker[] = [];
  /** Number of slabs posted since the running code began, and of slabs in the outbox. Undefined if there are none. */
  #run: { posted: number; gathered: number } | undefined;

  /**
   * @param onMessage is called with each message of the worker about a client.
   * @param onProgress is called if the counters have changed.
   */
  constructor(onMessage: (message: ClientMessage) => void, onProgress: () => void) {
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    this.workerPort = port2;
    this.#onProgress = onProgress;
    // The listener first, because adding it refs the port. A client must not keep the process running.
    port1.on('message', (message: ToMain) => {
      if (message.type === 'tick') ticked?.tick();
      else if (message.type === 'progress') onProgress();
      else onMessage(message);
    });
    port1.unref();
  }

  /** Hands over slabs of a client, oldest first. Posts them at once, unless there are many. */
  handOver(client: number, slabs: readonly Handover[]): void {
    const run = this.#startRun();
    for (const slab of slabs) this.#outbox.push({ type: 'slab', client, ...slab });
    run.gathered += slabs.length;
    if (run.posted >= FEW && run.gathered < run.posted) return;
    run.posted += run.gathered;
    run.gathered = 0;
    this.send();
  }

  /** Adds a message to the next post, after all slabs handed over before. */
  enqueueMessage(message: ToWorker): void {
    this.#outbox.push(message);
  }

  /** Posts the outbox. Never throws. */
  send(): void {
    if (this.#isClosed || this.#outbox.length === 0) return;
    this.#port.postMessage(this.#outbox);
    this.#outbox = [];
  }

  /** Returns the worker's next message about a client, if there is one. */
  nextMessage(): ClientMessage | undefined {
    while (!this.#isClosed) {
      const message: ToMain | undefined = receiveMessageOnPort(this.#port)?.message;
      // Not dropped, because it also concerns clients that the caller doesn't ask about.
      if (message?.type === 'progress') defer(this.#onProgress);
      else if (message?.type !== 'tick') return message;
    }
    return undefined;
  }

  close(): void {
    this.#isClosed = true;
    this.#port.close();
  }

  #startRun(): { posted: number; gathered: number } {
    if (this.#run !== undefined) return this.#run;
    this.#run = { posted: 0, gathered: 0 };
    defer(() => {
      this.#run = undefined;
      this.send();
    });
    return this.#run;
  }
}
