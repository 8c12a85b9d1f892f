// Frames of all clients -> posts, and the worker's messages back: the port of a thread. In: that a client has frames,
// and what else there is to say. Out: when to post; arrays of messages. Used by worker-thread.ts.
//
//   idle -> rounds       posted; what comes now gathers for the next round, or until there is much
//   rounds -> idle       nobody waits any more and nothing is unposted: an idle client wakes nobody
//   any -> closed        the thread is gone
import { MessageChannel, type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import type { Chunk, ClientMessage, ToMain, ToWorker } from '@offthread/worker/protocol';
import { defer, every, ticked } from '../runtime/clock.js';
import type { Timer } from '../runtime/ticked-timers.js';

/**
 * Milliseconds between two rounds. Most of what a post costs is that the worker wakes up on another CPU: 15 µs of main
 * on a machine of one's own and 200 µs on a virtual one, whatever is in it, and then a request. A fifth of a second
 * is soon enough for all but the first event.
 */
export const ROUND_MS = 200;

/** Frames after which a post does not wait for the round: the worker starts on them while main goes on. */
const SEND_NOW_FRAMES = 1_000;

/** A client with frames to post. */
export interface FrameSender {
  readonly id: number;
  /** What has not been posted, oldest first. */
  takeChunks(): readonly Chunk[];
}

export class ThreadPort {
  readonly #port: MessagePort;
  /** The worker's end of it. */
  readonly workerPort: MessagePort;
  readonly #round: () => boolean;
  #state: 'idle' | 'rounds' | 'closed' = 'idle';
  /** Whether there is a post when the code that is running ends. */
  #isSendScheduled = false;
  #outbox: ToWorker[] = [];
  /** Clients with frames; one may be in it more than once. */
  #senders: FrameSender[] = [];
  #unsentFrames = 0;
  #timer: Timer | undefined;

  /**
   * @param onMessage is told what the worker has posted.
   * @param round makes a round: posts, and looks for what else there is; returns whether there is to be another.
   */
  constructor(onMessage: (message: ClientMessage) => void, round: () => boolean) {
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    this.workerPort = port2;
    this.#round = round;
    // Listening first: it refs the port, and a client must not hold the process open.
    port1.on('message', (message: ToMain) => {
      if (message.type === 'tick') ticked?.tick();
      else onMessage(message);
    });
    port1.unref();
  }

  /** A frame was added. */
  enqueueFrames(sender: FrameSender): void {
    if (this.#senders.at(-1) !== sender) this.#senders.push(sender);
    this.#unsentFrames++;
    if (this.#state === 'idle') this.sendSoon();
    else if (this.#unsentFrames >= SEND_NOW_FRAMES) this.send();
  }

  /** Posts what there is when the code that is running ends. */
  sendSoon(): void {
    if (this.#isSendScheduled) return;
    this.#isSendScheduled = true;
    defer(() => {
      this.#isSendScheduled = false;
      this.send();
    });
  }

  /** Goes out with the next post, before all that is added from now on and behind all that was added before. */
  enqueueMessage(message: ToWorker): void {
    this.#collect();
    this.#outbox.push(message);
  }

  /** Posts all there is. Never throws. */
  send(): void {
    if (this.#state === 'closed') return;
    this.#collect();
    if (this.#outbox.length > 0) {
      this.#port.postMessage(this.#outbox);
      this.#outbox = [];
    }
    this.#state = 'rounds';
    this.#timer ??= every(ROUND_MS, () => this.#runRound());
  }

  /** The next message of the worker's about a client, if there is one. */
  nextMessage(): ClientMessage | undefined {
    if (this.#state === 'closed') return undefined;
    for (;;) {
      const message: ToMain | undefined = receiveMessageOnPort(this.#port)?.message;
      if (message?.type !== 'tick') return message;
    }
  }

  close(): void {
    this.#state = 'closed';
    this.#senders = [];
    this.#timer?.stop();
    this.#port.close();
  }

  #runRound(): void {
    if (this.#round() || this.#state !== 'rounds') return;
    // A callback of this round may have tracked on any client.
    if (this.#senders.length > 0 || this.#outbox.length > 0) return;
    this.#state = 'idle';
    this.#timer?.stop();
    this.#timer = undefined;
  }

  #collect(): void {
    this.#unsentFrames = 0;
    for (const sender of this.#senders) {
      for (const chunk of sender.takeChunks())
        this.#outbox.push({ type: 'chunk', client: sender.id, ...chunk });
    }
    this.#senders = [];
  }
}
