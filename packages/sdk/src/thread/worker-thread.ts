// A running worker thread: its clients, when it is checked, and its end. Created by shared-thread.ts. Next:
// start-worker.ts, which starts the thread, thread-port.ts, which carries the messages, and thread-health.ts, which
// judges whether it is alive.
//
// A thread runs until its last client is removed or until it dies: by an exception, by process.exit(), out of memory,
// or because it stops responding. A dead thread is never repaired, because piscina's own replacement can't become ready
// while the main thread is blocked in a flush. Instead its clients are notified, and the next one that needs a thread
// starts one.
import type { ClientMessage, Handover, OpenMessage, ToWorker } from '@offthread/worker/protocol';
import { hostThread } from '../flush/host-threads.js';
import { every, ticked } from '../runtime/clock.js';
import type { Timer } from '../runtime/ticked-timers.js';
import { NetworkDefaultsReader } from './read-network-defaults.js';
import type { StartFault } from './start-policy.js';
import { StartError, startWorker } from './start-worker.js';
import { type SilenceLimits, ThreadHealth } from './thread-health.js';
import { ThreadPort } from './thread-port.js';
import type { WorkerProgress } from './worker-progress.js';

/** Interval, in milliseconds, at which the main thread checks for outcomes and heartbeats while a caller waits. */
const CHECK_INTERVAL_MS = 200;

interface Releasable {
  release(): void;
}

/** A client, as the thread sees it. */
export interface ThreadClient {
  /** Whether it has events that aren't settled. */
  readonly hasPending: boolean;
  /** Whether outcomes of its events must be reported without a further call. */
  readonly expecting: boolean;
  /** What is released when the client is collected. It must not refer to the client. */
  readonly spool: Releasable | undefined;
  /** Receives the worker's messages and counters. */
  readonly progress: WorkerProgress;
  /** The thread has ended, and had posted these messages. No user code may run before all clients know. */
  onThreadEnd(messages: ClientMessage[]): void;
  /** Continues with another thread. */
  moveToNextThread(): void;
  /** Tries again to get a thread, after a failed start. */
  retry(): void;
}

/** How a thread ended. */
export type ThreadEnd =
  /** Its last client was removed. */
  | { readonly type: 'closed' }
  | { readonly type: 'died'; readonly cause: unknown }
  | { readonly type: 'not started'; readonly fault: StartFault; readonly error: StartError };

export class WorkerThread {
  readonly #health: ThreadHealth;
  readonly #onEnd: (thread: WorkerThread, end: ThreadEnd) => void;
  readonly #stop: () => Promise<void>;
  readonly #port = new ThreadPort(
    (message) => this.#onMessage(message),
    () => this.#reportProgress(),
  );
  readonly #network = new NetworkDefaultsReader();
  /**
   * Weak references, so that a client that is neither closed nor referenced can be collected. While it has pending
   * events, exit.ts references it.
   */
  readonly #clients = new Map<number, WeakRef<ThreadClient>>();
  readonly #collected = new FinalizationRegistry<{ id: number; spool: Releasable | undefined }>(
    ({ id, spool }) => void this.removeClient(id).then(() => spool?.release()),
  );
  #nextId = 1;
  #hasEnded = false;
  #checks: Timer | undefined;

  /**
   * @param onEnd is called when the thread takes no more clients, before its clients are notified.
   * @throws {StartError}
   */
  constructor(limits: SilenceLimits, onEnd: (thread: WorkerThread, end: ThreadEnd) => void) {
    this.#health = new ThreadHealth(limits);
    this.#onEnd = onEnd;
    this.#health.noteSubscribers();
    const [port, ticks] = [this.#port.workerPort, ticked !== undefined];
    const message = { port, health: this.#health.memory, ticks, hostThread };
    this.#stop = startWorker(message, (cause) => this.#onDeath(cause));
  }

  /** The worker's clock at its last heartbeat, in milliseconds. */
  get clock(): number {
    return this.#health.clock;
  }

  /** Adds a client and returns its number on this thread. */
  addClient(client: ThreadClient, openMessage: Omit<OpenMessage, 'network'>): number {
    const id = this.#nextId++;
    this.#clients.set(id, new WeakRef(client));
    this.#collected.register(client, { id, spool: client.spool });
    const network = this.#network.readChanges();
    this.#port.enqueueMessage({ type: 'open', client: id, ...openMessage, network });
    return id;
  }

  /** Removes a client. Ends the thread if it was the last one. */
  async removeClient(id: number): Promise<void> {
    if (!this.#clients.delete(id) || this.#hasEnded) return;
    if (this.#clients.size > 0) {
      this.post({ type: 'close', client: id });
      return;
    }
    this.#close();
    this.#onEnd(this, { type: 'closed' });
    await this.#stop();
  }

  /** Hands a client's slabs over. */
  handOver(id: number, slabs: readonly Handover[]): void {
    this.#port.handOver(id, slabs);
  }

  /** Posts the message, and all slabs before it. */
  post(message: ToWorker): void {
    this.#port.enqueueMessage(message);
    this.#port.send();
  }

  /** Passes all received messages to their clients. */
  receiveMessages(): void {
    // One by one, because a user's callback may receive messages too, or end this thread.
    for (let next = this.#port.nextMessage(); next !== undefined; next = this.#port.nextMessage())
      this.#onMessage(next);
  }

  /** Checks for outcomes and heartbeats until all expected outcomes have been reported. */
  watch(): void {
    if (this.#hasEnded) return;
    this.#checks ??= every(CHECK_INTERVAL_MS, () => this.#check());
  }

  /** Checks for a heartbeat when no outcomes are expected. A silent thread is watched. */
  glance(isWorking: boolean): void {
    this.#health.noteSubscribers();
    if (this.#health.glance(isWorking) === 'silent') this.watch();
  }

  /** Checks for a heartbeat. Called every `interval` ms while a caller waits. Ends the thread if it counts as dead. */
  checkHeartbeat(interval: number): void {
    if (!this.#hasEnded && this.#health.check(interval, this.#clients.size) === 'dead') this.#onDeath();
  }

  /** Checks the thread. Repeats while outcomes are expected, and while it is silent although events are pending. */
  #check(): void {
    this.#reportProgress();
    // After `#reportProgress()`, because a callback may have tracked events on any client.
    const waiting = this.#all().filter((client) => client.hasPending);
    if (waiting.length > 0) this.checkHeartbeat(CHECK_INTERVAL_MS);
    const isSilent = waiting.length > 0 && this.#health.isSilent;
    if (isSilent || waiting.some(({ expecting }) => expecting)) return;
    this.#checks?.stop();
    this.#checks = undefined;
    this.#health.resetSilence();
  }

  /** Reads the worker's progress and messages, and reports them. */
  #reportProgress(): void {
    const clients = this.#all();
    for (const { progress } of clients) progress.read();
    this.receiveMessages();
    for (const { progress } of clients) progress.report();
  }

  #all(): ThreadClient[] {
    return [...this.#clients.values()].flatMap((reference) => reference.deref() ?? []);
  }

  #onMessage(message: ClientMessage): void {
    this.#clients.get(message.client)?.deref()?.progress.onMessage(message);
    // A callback that reports an outage may have subscribed to its end.
    this.#health.noteSubscribers();
  }

  #close(): void {
    this.#hasEnded = true;
    this.#checks?.stop();
    this.#port.close();
  }

  #onDeath(cause?: unknown): void {
    if (this.#hasEnded) return;
    const messages: ClientMessage[] = [];
    for (let next = this.#port.nextMessage(); next !== undefined; next = this.#port.nextMessage())
      messages.push(next);
    this.#close();
    const { wasUp, hasBegun, exitMessage } = this.#health;
    if (wasUp) this.#onEnd(this, { type: 'died', cause });
    else {
      const fault = hasBegun || cause !== undefined ? 'not up' : 'not begun';
      this.#onEnd(this, { type: 'not started', fault, error: new StartError(cause ?? exitMessage) });
    }
    // Even if the thread is dead: this stops a worker in an endless loop, and a replacement that piscina may have
    // started.
    void this.#stop();
    const clients = this.#all();
    for (const [id, reference] of this.#clients)
      reference.deref()?.onThreadEnd(messages.filter((message) => message.client === id));
    for (const client of clients) {
      if (wasUp) client.moveToNextThread();
      else client.retry();
    }
  }
}
