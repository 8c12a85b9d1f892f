// Frames of all clients -> posts, and the worker's messages back: the port of a thread. In: that a client has frames,
// and what else there is to say. Out: when to post; arrays of messages. Used by thread.ts.
//
//   idle -> rounds       posted; what comes now gathers for the next round, or until there is much
//   rounds -> idle       nobody waits any more and nothing is unposted: an idle client wakes nobody
//   any -> closed        the thread is gone
import { MessageChannel, type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import type { Chunk, ClientMessage, ToMain, ToWorker } from '@offthread/worker/protocol';
import { every, soon, ticked } from '../runtime/clock.js';
import type { Timer } from '../runtime/ticked-timers.js';

/**
 * Milliseconds between two rounds. Most of what a post costs is that the worker wakes up on another CPU: 15 µs of main
 * on a machine of one's own and 200 µs on a virtual one, whatever is in it, and then a request. A fifth of a second
 * is soon enough for all but the first event.
 */
export const ROUND_MS = 200;

/** Frames after which a post does not wait for the round: the worker starts on them while main goes on. */
const MANY = 1_000;

/** A client with frames to post. */
export interface Sender {
  readonly id: number;
  /** What has not been posted, oldest first. */
  takeChunks(): readonly Chunk[];
}

export class Post {
  readonly #port: MessagePort;
  /** The worker's end of it. */
  readonly farEnd: MessagePort;
  readonly #round: () => boolean;
  #state: 'idle' | 'rounds' | 'closed' = 'idle';
  /** Whether there is a post when the code that is running ends. */
  #dispatching = false;
  #outbox: ToWorker[] = [];
  /** Clients with frames; one may be in it more than once. */
  #senders: Sender[] = [];
  #gathered = 0;
  #timer: Timer | undefined;

  /**
   * @param hear is told what the worker has posted.
   * @param round makes a round: posts, and looks for what else there is; returns whether there is to be another.
   */
  constructor(hear: (message: ClientMessage) => void, round: () => boolean) {
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    this.farEnd = port2;
    this.#round = round;
    // Listening first: it refs the port, and a client must not hold the process open.
    port1.on('message', (message: ToMain) => {
      if (message.type === 'tick') ticked?.tick();
      else hear(message);
    });
    port1.unref();
  }

  /** A frame was added. */
  added(sender: Sender): void {
    if (this.#senders.at(-1) !== sender) this.#senders.push(sender);
    this.#gathered++;
    if (this.#state === 'idle') this.dispatch();
    else if (this.#gathered >= MANY) this.send();
  }

  /** Posts what there is when the code that is running ends. */
  dispatch(): void {
    if (this.#dispatching) return;
    this.#dispatching = true;
    soon(() => {
      this.#dispatching = false;
      this.send();
    });
  }

  /** Goes out with the next post, before all that is added from now on and behind all that was added before. */
  put(message: ToWorker): void {
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
    this.#timer ??= every(ROUND_MS, () => this.#goRound());
  }

  /** The next message of the worker's about a client, if there is one. */
  next(): ClientMessage | undefined {
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

  #goRound(): void {
    if (this.#round() || this.#state !== 'rounds') return;
    // A callback of this round may have tracked on any client.
    if (this.#senders.length > 0 || this.#outbox.length > 0) return;
    this.#state = 'idle';
    this.#timer?.stop();
    this.#timer = undefined;
  }

  #collect(): void {
    this.#gathered = 0;
    for (const sender of this.#senders) {
      for (const chunk of sender.takeChunks())
        this.#outbox.push({ type: 'chunk', client: sender.id, ...chunk });
    }
    this.#senders = [];
  }
}
