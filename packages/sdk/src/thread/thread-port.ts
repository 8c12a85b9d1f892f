// Slabs of all clients -> posts, and the worker's messages back: the port of a thread. In: that a client has slabs to hand
// over, and what else there is to say. Out: arrays of messages. Used by worker-thread.ts.
import { MessageChannel, type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import type { ClientMessage, Handover, ToMain, ToWorker } from '@offthread/worker/protocol';
import { defer, ticked } from '../runtime/clock.js';

/**
 * Slabs that are posted one by one in a run of code, which may block. Most of what a post costs is that the worker wakes up
 * on another CPU: 15 µs of main on a machine of one's own and 200 µs on a virtual one, whatever is in it. So what a thousand
 * clients hand over in a run is posted together: as much again as was posted before, and the rest when the run ends.
 */
const FEW = 8;

/** A client with slabs to hand over. */
export interface FrameSender {
  readonly id: number;
  /** What has not been handed over, oldest first. */
  handOver(): readonly Handover[];
}

export class ThreadPort {
  readonly #port: MessagePort;
  /** The worker's end of it. */
  readonly workerPort: MessagePort;
  readonly #onProgress: () => void;
  #isClosed = false;
  #outbox: ToWorker[] = [];
  /** Slabs that were posted in the code that is running, and those in the outbox; undefined if there are none. */
  #run: { posted: number; gathered: number } | undefined;

  /**
   * @param onMessage is told what the worker has posted.
   * @param onProgress is called if the counters have changed.
   */
  constructor(onMessage: (message: ClientMessage) => void, onProgress: () => void) {
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    this.workerPort = port2;
    this.#onProgress = onProgress;
    // Listening first: it refs the port, and a client must not hold the process open.
    port1.on('message', (message: ToMain) => {
      if (message.type === 'tick') ticked?.tick();
      else if (message.type === 'progress') onProgress();
      else onMessage(message);
    });
    port1.unref();
  }

  /** Hands over what the sender has, at once unless there is much of it. */
  handOver(sender: FrameSender): void {
    const run = this.#startRun();
    for (const slab of sender.handOver()) {
      this.#outbox.push({ type: 'slab', client: sender.id, ...slab });
      run.gathered++;
    }
    if (run.posted >= FEW && run.gathered < run.posted) return;
    run.posted += run.gathered;
    run.gathered = 0;
    this.send();
  }

  /** Goes out with the next post, behind all that was handed over before. */
  enqueueMessage(message: ToWorker): void {
    this.#outbox.push(message);
  }

  /** Posts all there is. Never throws. */
  send(): void {
    if (this.#isClosed || this.#outbox.length === 0) return;
    this.#port.postMessage(this.#outbox);
    this.#outbox = [];
  }

  /** The next message of the worker's about a client, if there is one. */
  nextMessage(): ClientMessage | undefined {
    while (!this.#isClosed) {
      const message: ToMain | undefined = receiveMessageOnPort(this.#port)?.message;
      // It is also about clients of which nobody asks at present.
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
