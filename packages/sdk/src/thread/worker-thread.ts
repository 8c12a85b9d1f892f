// The worker thread, one per process: starts it, tracks its clients, and detects its end. Next: start-worker.ts, which
// starts the thread, and thread-port.ts, which carries the messages.
//
// A thread runs until its last client is removed or until it dies: by an exception, by process.exit(), out of memory,
// or because it stops responding. A dead thread is never repaired, because piscina's own replacement can't become ready
// while the main thread is blocked in a flush. Instead its clients are notified, and the next one that needs a thread
// starts one.
import {
  BEAT_INTERVAL_MS,
  type ClientMessage,
  EXIT_MESSAGE,
  HEALTH,
  HEALTH_BYTES,
  HEALTH_CLOCK,
  type OpenMessage,
  type StartMessage,
  type ToWorker,
} from '@offthread/worker/protocol';
import type { Piscina } from 'piscina';
import { hostThread } from '../flush/host-threads.js';
import { isSubscribed, publish } from '../report/diagnostics.js';
import { after, defer, every, now, ticked } from '../runtime/clock.js';
import { inRootContext } from '../runtime/root-context.js';
import type { Timer } from '../runtime/ticked-timers.js';
import { version } from '../version.js';
import { NetworkDefaultsReader } from './read-network-defaults.js';
import { type FailedStarts, judgeStart, type StartFault } from './start-policy.js';
import { StartError, startWorker } from './start-worker.js';
import { type FrameSender, ThreadPort } from './thread-port.js';

/** Interval, in milliseconds, at which the main thread checks for outcomes and heartbeats while a caller waits. */
const ROUND_MS = 200;

/** A thread without a new heartbeat for this many milliseconds counts as dead. Ten heartbeat intervals. */
const MAX_SILENCE_MS = 1_000;

/** Upper limit of that, in milliseconds. */
const MAX_SILENCE_LIMIT_MS = 10_000;

/** The same while the thread starts. A busy machine takes seconds, and waiting loses nothing. */
const MAX_SILENCE_STARTING_MS = 30_000;

/**
 * The same for a thread that hasn't run its first line. The system may not have created it, but the event that reports
 * this can't arrive while the main thread is blocked. Doubles with each failed start.
 */
const MAX_SILENCE_UNBEGUN_MS = 3_000;

/** Extra milliseconds per client, because all clients may open a connection at the same time. */
const SILENCE_PER_CLIENT_MS = 2;

/** For this many milliseconds after starts have failed for good, no new start is made. */
const START_AGAIN_MS = 60_000;

/** A client, as the thread sees it. */
export interface ThreadClient extends FrameSender {
  /** Whether it has events that aren't settled. */
  readonly hasPending: boolean;
  /** Whether outcomes of its events must be reported without a further call. */
  readonly expecting: boolean;
  onMessage(message: ClientMessage): void;
  /** Reads the worker's progress. */
  readProgress(): void;
  /**
   * Reports the progress that `readProgress()` read. In between, call `receiveMessages()`, which handles all messages
   * that the worker had posted before it got that far.
   */
  reportProgress(): void;
  /**
   * The thread has ended. `messages` are those that weren't received yet. No user code may run before all clients know.
   */
  onThreadEnd(messages: ClientMessage[]): void;
  /** Continues with another thread. */
  moveToNextThread(): void;
  /** Tries again to get a thread, after a failed start. */
  retry(): void;
}

/** The state that all copies of this version share in a process. Each version has its own thread. */
interface Shared {
  thread: WorkerThread | undefined;
  failure: { readonly error: StartError; readonly until: number } | undefined;
  /** Failed starts since the last successful one, and when the next one may be made, on the clock of `now()`. */
  failed: FailedStarts & { readonly error?: StartError; readonly again: number };
  /** Clients that wait for the next start. */
  readonly waiting: Set<ThreadClient>;
  /** Milliseconds without a new heartbeat after which a thread counts as dead. */
  maxSilence: number;
  /** Why the last thread died. Unset when a new one has started. */
  lastEnd: { readonly error: unknown } | undefined;
}

const NONE_FAILED = { all: 0, loads: 0, again: 0 } as const;

const KEY = Symbol.for(`@offthread/sdk/thread/${version}`);
const scope = globalThis as { [KEY]?: Shared };
scope[KEY] ??= {
  thread: undefined,
  failure: undefined,
  failed: NONE_FAILED,
  waiting: new Set(),
  maxSilence: MAX_SILENCE_MS,
  lastEnd: undefined,
};
const shared = scope[KEY];

/** A running worker thread. */
export class WorkerThread {
  readonly #pool: Piscina;
  readonly #memory = new SharedArrayBuffer(HEALTH_BYTES);
  readonly #health = new Int32Array(this.#memory);
  readonly #clock = new BigInt64Array(this.#memory);
  readonly #port = new ThreadPort(
    (message) => this.#onMessage(message),
    () => this.#lookAround(),
  );
  readonly #network = new NetworkDefaultsReader();
  /**
   * Weak references, so that a client that is neither closed nor referenced can be collected. While it has pending
   * events, exit.ts references it.
   */
  readonly #clients = new Map<number, WeakRef<ThreadClient>>();
  readonly #collected = new FinalizationRegistry<number>((client) => void this.removeClient(client));
  #nextId = 1;
  #hasEnded = false;
  #lastBeat = 0;
  /** Milliseconds without a new heartbeat. */
  #silentFor = 0;
  #lastCheck = 0;
  /** The last beat that `glance` saw, and when it was last new or wasn't needed. */
  #glancedBeat = 0;
  #seenAlive = now();
  #rounds: Timer | undefined;

  /** Whether a thread runs or starts, so that `acquire` doesn't have to start one. */
  static get isUp(): boolean {
    return shared.thread !== undefined;
  }

  /** Why there is no worker thread at present, while the start is still repeated. */
  static get startDelay(): StartError | undefined {
    return shared.failed.error;
  }

  /** Why no worker thread can be started. Undefined when the next attempt is due. */
  static get startFailure(): StartError | undefined {
    const { failure } = shared;
    return failure !== undefined && now() < failure.until ? failure.error : undefined;
  }

  /**
   * Returns the thread, and starts it if needed. Returns undefined if the start failed and will be repeated; `retry()`
   * of the client is called then.
   *
   * @throws {StartError} if no worker thread can be started.
   */
  static acquire(threadClient: ThreadClient): WorkerThread | undefined {
    const { startFailure: failure } = WorkerThread;
    if (failure !== undefined) throw failure;
    if (shared.thread === undefined) {
      if (now() >= shared.failed.again) shared.thread = inRootContext(startThread);
      if (shared.thread === undefined) {
        shared.waiting.add(threadClient);
        return undefined;
      }
      const { lastEnd } = shared;
      shared.lastEnd = undefined;
      // Deferred, because a subscriber may flush, and the client isn't set up yet.
      if (lastEnd !== undefined) defer(() => publish('offthread:worker-restarted', () => lastEnd));
    }
    return shared.thread;
  }

  constructor() {
    this.#pool = startWorker(this.#memory);
    // Without a listener for 'error', an exception in the worker would end the host process.
    this.#pool.on('error', () => this.#onEnd());
    for (const worker of this.#pool.threads) {
      // Before the pool's own listeners, which start a replacement and don't pass the reason on.
      worker.prependListener('error', (error) => this.#onEnd(error));
      worker.prependListener('exit', () => this.#onEnd());
    }
    this.#subscribe();
    const port = this.#port.workerPort;
    const startMessage: StartMessage = {
      port,
      health: this.#memory,
      ticks: ticked !== undefined,
      hostThread,
    };
    this.#pool
      .run(startMessage, { name: 'start', transferList: [port] })
      .catch((error: unknown) => this.#onEnd(error));
  }

  /**
   * Milliseconds on the worker's clock at its last heartbeat, which is at most `BEAT_INTERVAL_MS` old while the worker
   * has work to do.
   */
  get clock(): number {
    return Number(Atomics.load(this.#clock, HEALTH_CLOCK));
  }

  /** Adds a client and returns its number on this thread. `onThreadEnd` tells the client when the thread has ended. */
  addClient(threadClient: ThreadClient, openMessage: Omit<OpenMessage, 'network'>): number {
    const client = this.#nextId++;
    this.#clients.set(client, new WeakRef(threadClient));
    this.#collected.register(threadClient, client);
    this.#port.enqueueMessage({ type: 'open', client, ...openMessage, network: this.#network.readChanges() });
    return client;
  }

  /** Hands over the client's slabs. */
  handOver(threadClient: ThreadClient): void {
    this.#port.handOver(threadClient);
  }

  /** Checks for outcomes and heartbeats until all expected outcomes have been reported. */
  watch(): void {
    if (this.#hasEnded) return;
    this.#rounds ??= every(ROUND_MS, () => this.#goRound());
  }

  /** Checks for a heartbeat when no outcomes are expected. A thread without one for `MAX_SILENCE_MS` is watched. */
  glance(isWorking: boolean): void {
    this.#subscribe();
    const beat = Atomics.load(this.#health, HEALTH.BEAT);
    const time = now();
    if (beat !== this.#glancedBeat || !isWorking) {
      this.#glancedBeat = beat;
      this.#seenAlive = time;
    } else if (time - this.#seenAlive > MAX_SILENCE_MS) this.watch();
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

  /** Checks for a heartbeat. Called every `interval` ms while a caller waits. Ends the thread if it counts as dead. */
  checkHeartbeat(interval: number): void {
    if (Atomics.load(this.#health, HEALTH.DEAD) === 1) this.#onEnd();
    if (this.#hasEnded) return;
    const time = now();
    const since = time - this.#lastCheck;
    if (since < BEAT_INTERVAL_MS * 0.9) return;
    this.#lastCheck = time;
    const beat = Atomics.load(this.#health, HEALTH.BEAT);
    if (beat !== this.#lastBeat) {
      this.#lastBeat = beat;
      this.#silentFor = 0;
      return;
    }
    // A late check means that this process was suspended, and then so was the worker.
    if (since > 2 * interval) return;
    this.#silentFor += Math.min(since, interval);
    const most = beat === 0 ? this.#startTimeout : shared.maxSilence;
    if (this.#silentFor < most + this.#clients.size * SILENCE_PER_CLIENT_MS) return;
    // The machine may have been too busy, and three such deaths would cost a batch. So the next thread gets more time.
    if (beat !== 0) shared.maxSilence = Math.min(shared.maxSilence * 2, MAX_SILENCE_LIMIT_MS);
    this.#onEnd();
  }

  get #startTimeout(): number {
    if (this.#hasBegun) return MAX_SILENCE_STARTING_MS;
    return Math.min(MAX_SILENCE_UNBEGUN_MS * 2 ** shared.failed.all, MAX_SILENCE_STARTING_MS);
  }

  get #hasBegun(): boolean {
    return Atomics.load(this.#health, HEALTH.BEGUN) === 1;
  }

  /** Removes a client. Ends the thread if it was the last one. */
  async removeClient(client: number): Promise<void> {
    if (!this.#clients.delete(client) || this.#hasEnded) return;
    if (this.#clients.size > 0) {
      this.post({ type: 'close', client });
      return;
    }
    this.#close();
    await this.#pool.destroy().catch(() => {});
  }

  /**
   * Checks the thread. Repeats while outcomes are expected, and while a client with pending events sees no heartbeat.
   */
  #goRound(): void {
    this.#lookAround();
    // After `#lookAround()`, because a callback may have tracked events on any client.
    const waiting = this.#all().filter((threadClient) => threadClient.hasPending);
    if (waiting.length > 0) this.checkHeartbeat(ROUND_MS);
    const isSilent = waiting.length > 0 && Atomics.load(this.#health, HEALTH.BEAT) === this.#glancedBeat;
    if (isSilent || waiting.some(({ expecting }) => expecting)) return;
    this.#rounds?.stop();
    this.#rounds = undefined;
    // The silence is measured anew when the next caller waits.
    this.#silentFor = 0;
  }

  /** Reads the worker's progress and messages, and reports them. */
  #lookAround(): void {
    const threadClients = this.#all();
    for (const threadClient of threadClients) threadClient.readProgress();
    this.receiveMessages();
    for (const threadClient of threadClients) threadClient.reportProgress();
  }

  #subscribe(): void {
    Atomics.store(this.#health, HEALTH.SUBSCRIBED, Number(isSubscribed('offthread:delivered')));
  }

  #all(): ThreadClient[] {
    const all: ThreadClient[] = [];
    for (const reference of this.#clients.values()) {
      const threadClient = reference.deref();
      if (threadClient !== undefined) all.push(threadClient);
    }
    return all;
  }

  #onMessage(message: ClientMessage): void {
    this.#clients.get(message.client)?.deref()?.onMessage(message);
    // A callback that was told of an outage may have subscribed to its end.
    this.#subscribe();
  }

  #close(): void {
    this.#hasEnded = true;
    this.#rounds?.stop();
    this.#port.close();
    if (shared.thread === this) shared.thread = undefined;
  }

  #onEnd(cause?: unknown): void {
    if (this.#hasEnded) return;
    const messages: ClientMessage[] = [];
    for (let next = this.#port.nextMessage(); next !== undefined; next = this.#port.nextMessage())
      messages.push(next);
    this.#close();
    // Even if the thread is dead: this stops a worker in an endless loop, and a replacement that piscina may have
    // started.
    this.#pool.destroy().catch(() => {});
    const wasUp = Atomics.load(this.#health, HEALTH.BEAT) > 0;
    if (wasUp) {
      shared.failure = undefined;
      shared.failed = NONE_FAILED;
      shared.lastEnd = { error: cause };
    } else {
      const fault = this.#hasBegun || cause !== undefined ? 'not up' : 'not begun';
      noteFailedStart(fault, new StartError(cause ?? this.#exitMessage()));
    }
    const threadClients: ThreadClient[] = [];
    for (const [client, reference] of this.#clients) {
      const threadClient = reference.deref();
      if (threadClient === undefined) continue;
      threadClients.push(threadClient);
      threadClient.onThreadEnd(messages.filter((message) => message.client === client));
    }
    for (const threadClient of threadClients) {
      if (wasUp) threadClient.moveToNextThread();
      else threadClient.retry();
    }
  }

  /** The exception that ended the thread, if it left a message. */
  #exitMessage(): Error | undefined {
    const bytes = Buffer.from(this.#memory, EXIT_MESSAGE.START, EXIT_MESSAGE.BYTES);
    const text = bytes.toString('utf8', 0, Math.max(0, bytes.indexOf(0)));
    return text === '' ? undefined : new Error(text);
  }
}

/** Returns undefined if the start failed and will be repeated. Throws if no further start will be made. */
function startThread(): WorkerThread | undefined {
  try {
    return new WorkerThread();
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    noteFailedStart('not made', error);
    if (WorkerThread.startFailure !== undefined) throw error;
    return undefined;
  }
}

function noteFailedStart(fault: StartFault, error: StartError): void {
  const { all, loads } = shared.failed;
  const failed = { all: all + 1, loads: fault === 'not up' ? loads + 1 : loads };
  const verdict = judgeStart(fault, error.cause, failed);
  if (verdict.type === 'over') {
    shared.failed = NONE_FAILED;
    shared.failure = { error, until: now() + START_AGAIN_MS };
    // Waiting clients then get the failure.
    defer(wakeWaiting);
    return;
  }
  shared.failed = { ...failed, error, again: now() + verdict.delay };
  after(verdict.delay, wakeWaiting);
}

function wakeWaiting(): void {
  // Reset, because a timer may fire slightly early.
  shared.failed = { ...shared.failed, again: 0 };
  const waiting = [...shared.waiting];
  shared.waiting.clear();
  for (const threadClient of waiting) threadClient.retry();
}
