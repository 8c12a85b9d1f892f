// The worker thread, one a process. In: clients that want to move in. Out: a live worker, or news of its death. Next:
// start-worker.ts, which starts it, and thread-port.ts, by which all goes to it.
//
// A thread runs until the last client has left or until it dies: by an exception, by process.exit(), out of memory,
// or because it does not answer any more. A dead thread is never repaired, because piscina's own replacement cannot
// become ready while main is blocked in a flush: its clients are told, and the next one to move in starts a new one.
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
import { publish } from '../report/diagnostics.js';
import { after, defer, now, ticked } from '../runtime/clock.js';
import { inRootContext } from '../runtime/root-context.js';
import { version } from '../version.js';
import { NetworkDefaultsReader } from './read-network-defaults.js';
import { type FailedStarts, judgeStart, type StartFault } from './start-policy.js';
import { StartError, startWorker } from './start-worker.js';
import { type FrameSender, ROUND_MS, ThreadPort } from './thread-port.js';

/** Milliseconds without a new heartbeat after which a thread is dead: ten beats. */
const MAX_SILENCE_MS = 1_000;

/** What that may grow to. */
const MAX_SILENCE_LIMIT_MS = 10_000;

/** The same while it starts, because a busy machine takes seconds, and nothing is lost by waiting. */
const MAX_SILENCE_STARTING_MS = 30_000;

/**
 * The same for a thread that has not run its first line, because the system may not have given one: that is told by an event,
 * which does not reach a thread that is blocked. Doubles with each failed start.
 */
const MAX_SILENCE_UNBEGUN_MS = 3_000;

/** What a client adds to it: each has a connection to open at the same moment. */
const SILENCE_PER_CLIENT_MS = 2;

/** Milliseconds for which nobody tries again to start a thread that could not be started. */
const START_AGAIN_MS = 60_000;

/** Who lives on a thread. */
export interface ThreadClient extends FrameSender {
  /** Whether it waits for the thread to do something. */
  readonly hasPending: boolean;
  onMessage(message: ClientMessage): void;
  /** Looks how far the worker says it has come. */
  readProgress(): void;
  /** Takes note of what it saw. Between the two everything is heard that the worker said before it got there. */
  reportProgress(): void;
  /** The thread is gone; `told` is what it had still said. No code of the user's may run before all know. */
  onThreadEnd(messages: ClientMessage[]): void;
  /** Goes on with another thread. */
  moveToNextThread(): void;
  /** Tries again to get a thread, because none could be started. */
  retry(): void;
}

/** What all copies of this version of the package share in a process. Another version has a thread of its own. */
interface Shared {
  thread: WorkerThread | undefined;
  failure: { readonly error: StartError; readonly until: number } | undefined;
  /** Starts that failed since the last one that did not, and when the next one may be made. */
  failed: FailedStarts & { readonly error?: StartError; readonly again: number };
  /** Who wants a thread meanwhile. */
  readonly waiting: Set<ThreadClient>;
  /** Milliseconds without a new heartbeat after which a thread is dead. */
  maxSilence: number;
  /** What the last thread died of, until there is a new one. */
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
    () => this.#round(),
  );
  readonly #network = new NetworkDefaultsReader();
  /**
   * Not held by the thread: a client that nobody closes or refers to any more is let go. While it has events pending,
   * exit.ts holds it.
   */
  readonly #clients = new Map<number, WeakRef<ThreadClient>>();
  readonly #collected = new FinalizationRegistry<number>((client) => void this.removeClient(client));
  #nextId = 1;
  #hasEnded = false;
  #lastBeat = 0;
  /** Milliseconds for which it has not been seen to beat. */
  #silentFor = 0;
  #lastCheck = 0;

  /** Why there is no worker thread at present; another start is made. */
  static get startDelay(): StartError | undefined {
    return shared.failed.error;
  }

  /** Why no worker thread can be started, until it is tried again. */
  static get startFailure(): StartError | undefined {
    const { failure } = shared;
    return failure !== undefined && now() < failure.until ? failure.error : undefined;
  }

  /**
   * The thread, started if need be. Undefined if that fails and is tried again: the client is then asked to `retry()`.
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
      // Later, because a subscriber may flush, and the client that is moving in is not ready for it.
      if (lastEnd !== undefined) defer(() => publish('offthread:worker-restarted', () => lastEnd));
    }
    return shared.thread;
  }

  constructor() {
    this.#pool = startWorker(this.#memory);
    // Without a listener for 'error' a worker's exception would end the host.
    this.#pool.on('error', () => this.#onEnd());
    for (const worker of this.#pool.threads) {
      // Before the pool hears of it, which would start a replacement and keep the reason to itself.
      worker.prependListener('error', (error) => this.#onEnd(error));
      worker.prependListener('exit', () => this.#onEnd());
    }
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

  /** Milliseconds on the worker's clock at its last heartbeat, at most `BEAT_INTERVAL_MS` ago while it has anything to do. */
  get clock(): number {
    return Number(Atomics.load(this.#clock, HEALTH_CLOCK));
  }

  /** Moves a client in and gives it the number it has here. It is told by `threadDied` when it has to move on. */
  addClient(threadClient: ThreadClient, openMessage: Omit<OpenMessage, 'network'>): number {
    const client = this.#nextId++;
    this.#clients.set(client, new WeakRef(threadClient));
    this.#collected.register(threadClient, client);
    this.#port.enqueueMessage({ type: 'open', client, ...openMessage, network: this.#network.readChanges() });
    return client;
  }

  /** The client has a frame more. */
  schedulePost(threadClient: ThreadClient): void {
    this.#port.enqueueFrames(threadClient);
  }

  /** The client has frames that are not to wait for the next round. */
  postSoon(threadClient: ThreadClient): void {
    this.#port.enqueueFrames(threadClient);
    this.#port.sendSoon();
  }

  /** Posts the message, and all frames before it. */
  post(message: ToWorker): void {
    this.#port.enqueueMessage(message);
    this.#port.send();
  }

  /** Has all clients hear what the worker has said. */
  receiveMessages(): void {
    // One by one: a callback of the user's may listen as well, or end this thread.
    for (let next = this.#port.nextMessage(); next !== undefined; next = this.#port.nextMessage())
      this.#onMessage(next);
  }

  /** Looks for a sign of life, every `interval` ms while somebody waits; acts upon there being none. */
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
    // A look that comes late says that this process was not run, and then neither was the worker.
    if (since > 2 * interval) return;
    this.#silentFor += Math.min(since, interval);
    const most = beat === 0 ? this.#startTimeout : shared.maxSilence;
    if (this.#silentFor < most + this.#clients.size * SILENCE_PER_CLIENT_MS) return;
    // It may have been the machine's fault, and three such deaths would cost a batch: the next thread is given longer.
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

  /** Moves a client out. The last one closes the door. */
  async removeClient(client: number): Promise<void> {
    if (!this.#clients.delete(client) || this.#hasEnded) return;
    if (this.#clients.size > 0) {
      this.post({ type: 'close', client });
      return;
    }
    this.#close();
    await this.#pool.destroy().catch(() => {});
  }

  /** Posts what has gathered and sees what the worker has done; whether anybody waits for more. */
  #round(): boolean {
    this.#port.send();
    const waiting = this.#waitingClients();
    for (const threadClient of waiting) threadClient.readProgress();
    this.receiveMessages();
    for (const threadClient of waiting) threadClient.reportProgress();
    // All of them once more: a callback may have tracked on any client.
    if (this.#waitingClients().length > 0) {
      this.checkHeartbeat(ROUND_MS);
      return true;
    }
    this.#silentFor = 0;
    return false;
  }

  #waitingClients(): ThreadClient[] {
    const waiting: ThreadClient[] = [];
    for (const threadClient of this.#clients.values()) {
      const client = threadClient.deref();
      if (client?.hasPending) waiting.push(client);
    }
    return waiting;
  }

  #onMessage(message: ClientMessage): void {
    this.#clients.get(message.client)?.deref()?.onMessage(message);
  }

  #close(): void {
    this.#hasEnded = true;
    this.#port.close();
    if (shared.thread === this) shared.thread = undefined;
  }

  #onEnd(cause?: unknown): void {
    if (this.#hasEnded) return;
    const messages: ClientMessage[] = [];
    for (let next = this.#port.nextMessage(); next !== undefined; next = this.#port.nextMessage())
      messages.push(next);
    this.#close();
    // Also where it is dead already: it stops a worker that spins, and the replacement that piscina may have started.
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

  /** The exception that ended it, if it has left one. */
  #exitMessage(): Error | undefined {
    const bytes = Buffer.from(this.#memory, EXIT_MESSAGE.START, EXIT_MESSAGE.BYTES);
    const text = bytes.toString('utf8', 0, Math.max(0, bytes.indexOf(0)));
    return text === '' ? undefined : new Error(text);
  }
}

/** Undefined if it fails and is to be tried again. Throws if it is over. */
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
    // Nobody waits any more: all learn the same.
    defer(wakeWaiting);
    return;
  }
  shared.failed = { ...failed, error, again: now() + verdict.delay };
  after(verdict.delay, wakeWaiting);
}

function wakeWaiting(): void {
  // A timer may fire a little early.
  shared.failed = { ...shared.failed, again: 0 };
  const waiting = [...shared.waiting];
  shared.waiting.clear();
  for (const threadClient of waiting) threadClient.retry();
}
