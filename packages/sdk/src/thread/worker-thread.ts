// The worker thread, one a process. In: clients that want to move in. Out: a live worker, or news of its death. Next:
// pool.ts, which starts it, and post.ts, by which all goes to it.
//
// A thread runs until the last client has left or until it dies: by an exception, by process.exit(), out of memory,
// or because it does not answer any more. A dead thread is never repaired, because piscina's own replacement cannot
// become ready while main is blocked in a flush: its clients are told, and the next one to move in starts a new one.
import {
  BEAT_INTERVAL_MS,
  type ClientMessage,
  LAST_WORDS,
  type Opening,
  type StartOrder,
  type ToWorker,
  VITAL,
  VITAL_CLOCK,
  VITALS_BYTES,
} from '@offthread/worker/protocol';
import type { Piscina } from 'piscina';
import { hostThread } from '../flush/host-threads.js';
import { publish } from '../report/diagnostics.js';
import { after, now, soon, ticked } from '../runtime/clock.js';
import { inRootContext } from '../runtime/root-context.js';
import { version } from '../version.js';
import { NetworkDefaultsReader } from './read-network-defaults.js';
import { type FailedStarts, judgeStart, type StartFault } from './start-policy.js';
import { StartError, startPool } from './start-worker.js';
import { Post, ROUND_MS, type Sender } from './thread-port.js';

/** Milliseconds without a new heartbeat after which a thread is dead: ten beats. */
const SILENCE_MS = 1_000;

/** What that may grow to. */
const SILENCE_AT_MOST_MS = 10_000;

/** The same while it starts, because a busy machine takes seconds, and nothing is lost by waiting. */
const SILENCE_STARTING_MS = 30_000;

/**
 * The same for a thread that has not run its first line, because the system may not have given one: that is told by an event,
 * which does not reach a thread that is blocked. Doubles with each failed start.
 */
const SILENCE_UNBEGUN_MS = 3_000;

/** What a client adds to it: each has a connection to open at the same moment. */
const SILENCE_PER_CLIENT_MS = 2;

/** Milliseconds for which nobody tries again to start a thread that could not be started. */
const START_AGAIN_MS = 60_000;

/** Who lives on a thread. */
export interface Resident extends Sender {
  /** Whether it waits for the thread to do something. */
  readonly waiting: boolean;
  hear(message: ClientMessage): void;
  /** Looks how far the worker says it has come. */
  look(): void;
  /** Takes note of what it saw. Between the two everything is heard that the worker said before it got there. */
  settle(): void;
  /** The thread is gone; `told` is what it had still said. No code of the user's may run before all know. */
  threadDied(told: ClientMessage[]): void;
  /** Goes on with another thread. */
  moveOn(): void;
  /** Tries again to get a thread, because none could be started. */
  retry(): void;
}

/** What all copies of this version of the package share in a process. Another version has a thread of its own. */
interface Shared {
  thread: Thread | undefined;
  failure: { readonly error: StartError; readonly until: number } | undefined;
  /** Starts that failed since the last one that did not, and when the next one may be made. */
  failed: FailedStarts & { readonly error?: StartError; readonly again: number };
  /** Who wants a thread meanwhile. */
  readonly waiting: Set<Resident>;
  /** Milliseconds without a new heartbeat after which a thread is dead. */
  patience: number;
  /** What the last thread died of, until there is a new one. */
  death: { readonly error: unknown } | undefined;
}

const NONE_FAILED = { all: 0, loads: 0, again: 0 } as const;

const KEY = Symbol.for(`@offthread/sdk/thread/${version}`);
const scope = globalThis as { [KEY]?: Shared };
scope[KEY] ??= {
  thread: undefined,
  failure: undefined,
  failed: NONE_FAILED,
  waiting: new Set(),
  patience: SILENCE_MS,
  death: undefined,
};
const shared = scope[KEY];

/** A running worker thread. */
export class Thread {
  readonly #pool: Piscina;
  readonly #memory = new SharedArrayBuffer(VITALS_BYTES);
  readonly #vitals = new Int32Array(this.#memory);
  readonly #clock = new BigInt64Array(this.#memory);
  readonly #post = new Post(
    (message) => this.#hear(message),
    () => this.#round(),
  );
  readonly #network = new NetworkDefaultsReader();
  /**
   * Not held by the thread: a client that nobody closes or refers to any more is let go. While it has events pending,
   * exit.ts holds it.
   */
  readonly #residents = new Map<number, WeakRef<Resident>>();
  readonly #gone = new FinalizationRegistry<number>((client) => void this.leave(client));
  #nextId = 1;
  #dead = false;
  #beat = 0;
  /** Milliseconds for which it has not been seen to beat. */
  #silence = 0;
  #lastLook = 0;

  /** Why there is no worker thread at present; another start is made. */
  static get delay(): StartError | undefined {
    return shared.failed.error;
  }

  /** Why no worker thread can be started, until it is tried again. */
  static get failure(): StartError | undefined {
    const { failure } = shared;
    return failure !== undefined && now() < failure.until ? failure.error : undefined;
  }

  /**
   * The thread, started if need be. Undefined if that fails and is tried again: the resident is then asked to `retry()`.
   *
   * @throws {StartError} if no worker thread can be started.
   */
  static for(resident: Resident): Thread | undefined {
    const { failure } = Thread;
    if (failure !== undefined) throw failure;
    if (shared.thread === undefined) {
      if (now() >= shared.failed.again) shared.thread = inRootContext(startThread);
      if (shared.thread === undefined) {
        shared.waiting.add(resident);
        return undefined;
      }
      const { death } = shared;
      shared.death = undefined;
      // Later, because a subscriber may flush, and the client that is moving in is not ready for it.
      if (death !== undefined) soon(() => publish('offthread:worker-restarted', () => death));
    }
    return shared.thread;
  }

  constructor() {
    this.#pool = startPool(this.#memory);
    // Without a listener for 'error' a worker's exception would end the host.
    this.#pool.on('error', () => this.#die());
    for (const worker of this.#pool.threads) {
      // Before the pool hears of it, which would start a replacement and keep the reason to itself.
      worker.prependListener('error', (error) => this.#die(error));
      worker.prependListener('exit', () => this.#die());
    }
    const port = this.#post.farEnd;
    const order: StartOrder = { port, vitals: this.#memory, ticks: ticked !== undefined, hostThread };
    this.#pool
      .run(order, { name: 'start', transferList: [port] })
      .catch((error: unknown) => this.#die(error));
  }

  /** Milliseconds on the worker's clock at its last heartbeat, at most `BEAT_INTERVAL_MS` ago while it has anything to do. */
  get clock(): number {
    return Number(Atomics.load(this.#clock, VITAL_CLOCK));
  }

  /** Moves a client in and gives it the number it has here. It is told by `threadDied` when it has to move on. */
  open(resident: Resident, opening: Omit<Opening, 'network'>): number {
    const client = this.#nextId++;
    this.#residents.set(client, new WeakRef(resident));
    this.#gone.register(resident, client);
    this.#post.put({ type: 'open', client, ...opening, network: this.#network.readChanges() });
    return client;
  }

  /** The client has a frame more. */
  added(resident: Resident): void {
    this.#post.added(resident);
  }

  /** The client has frames that are not to wait for the next round. */
  dispatch(resident: Resident): void {
    this.#post.added(resident);
    this.#post.dispatch();
  }

  /** Posts the message, and all frames before it. */
  say(message: ToWorker): void {
    this.#post.put(message);
    this.#post.send();
  }

  /** Has all clients hear what the worker has said. */
  listen(): void {
    // One by one: a callback of the user's may listen as well, or end this thread.
    for (let next = this.#post.next(); next !== undefined; next = this.#post.next()) this.#hear(next);
  }

  /** Looks for a sign of life, every `interval` ms while somebody waits; acts upon there being none. */
  check(interval: number): void {
    if (Atomics.load(this.#vitals, VITAL.DEAD) === 1) this.#die();
    if (this.#dead) return;
    const time = now();
    const since = time - this.#lastLook;
    if (since < BEAT_INTERVAL_MS * 0.9) return;
    this.#lastLook = time;
    const beat = Atomics.load(this.#vitals, VITAL.BEAT);
    if (beat !== this.#beat) {
      this.#beat = beat;
      this.#silence = 0;
      return;
    }
    // A look that comes late says that this process was not run, and then neither was the worker.
    if (since > 2 * interval) return;
    this.#silence += Math.min(since, interval);
    const most = beat === 0 ? this.#startPatience : shared.patience;
    if (this.#silence < most + this.#residents.size * SILENCE_PER_CLIENT_MS) return;
    // It may have been the machine's fault, and three such deaths would cost a batch: the next thread is given longer.
    if (beat !== 0) shared.patience = Math.min(shared.patience * 2, SILENCE_AT_MOST_MS);
    this.#die();
  }

  get #startPatience(): number {
    if (this.#hasBegun) return SILENCE_STARTING_MS;
    return Math.min(SILENCE_UNBEGUN_MS * 2 ** shared.failed.all, SILENCE_STARTING_MS);
  }

  get #hasBegun(): boolean {
    return Atomics.load(this.#vitals, VITAL.BEGUN) === 1;
  }

  /** Moves a client out. The last one closes the door. */
  async leave(client: number): Promise<void> {
    if (!this.#residents.delete(client) || this.#dead) return;
    if (this.#residents.size > 0) {
      this.say({ type: 'close', client });
      return;
    }
    this.#end();
    await this.#pool.destroy().catch(() => {});
  }

  /** Posts what has gathered and sees what the worker has done; whether anybody waits for more. */
  #round(): boolean {
    this.#post.send();
    const waiting = this.#waiting();
    for (const resident of waiting) resident.look();
    this.listen();
    for (const resident of waiting) resident.settle();
    // All of them once more: a callback may have tracked on any client.
    if (this.#waiting().length > 0) {
      this.check(ROUND_MS);
      return true;
    }
    this.#silence = 0;
    return false;
  }

  #waiting(): Resident[] {
    const waiting: Resident[] = [];
    for (const resident of this.#residents.values()) {
      const client = resident.deref();
      if (client?.waiting) waiting.push(client);
    }
    return waiting;
  }

  #hear(message: ClientMessage): void {
    this.#residents.get(message.client)?.deref()?.hear(message);
  }

  #end(): void {
    this.#dead = true;
    this.#post.close();
    if (shared.thread === this) shared.thread = undefined;
  }

  #die(cause?: unknown): void {
    if (this.#dead) return;
    const told: ClientMessage[] = [];
    for (let next = this.#post.next(); next !== undefined; next = this.#post.next()) told.push(next);
    this.#end();
    // Also where it is dead already: it stops a worker that spins, and the replacement that piscina may have started.
    this.#pool.destroy().catch(() => {});
    const wasUp = Atomics.load(this.#vitals, VITAL.BEAT) > 0;
    if (wasUp) {
      shared.failure = undefined;
      shared.failed = NONE_FAILED;
      shared.death = { error: cause };
    } else {
      const fault = this.#hasBegun || cause !== undefined ? 'not up' : 'not begun';
      noteFailedStart(fault, new StartError(cause ?? this.#lastWords()));
    }
    const residents: Resident[] = [];
    for (const [client, reference] of this.#residents) {
      const resident = reference.deref();
      if (resident === undefined) continue;
      residents.push(resident);
      resident.threadDied(told.filter((message) => message.client === client));
    }
    for (const resident of residents) {
      if (wasUp) resident.moveOn();
      else resident.retry();
    }
  }

  /** The exception that ended it, if it has left one. */
  #lastWords(): Error | undefined {
    const bytes = Buffer.from(this.#memory, LAST_WORDS.START, LAST_WORDS.BYTES);
    const text = bytes.toString('utf8', 0, Math.max(0, bytes.indexOf(0)));
    return text === '' ? undefined : new Error(text);
  }
}

/** Undefined if it fails and is to be tried again. Throws if it is over. */
function startThread(): Thread | undefined {
  try {
    return new Thread();
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    noteFailedStart('not made', error);
    if (Thread.failure !== undefined) throw error;
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
    soon(wakeWaiting);
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
  for (const resident of waiting) resident.retry();
}
