// The worker thread, one a process. In: clients that want to move in. Out: a live worker, or news of its death.
//
// A thread runs until the last client has left or until it dies: by an exception, by process.exit(), out of memory,
// or because it does not answer any more. A dead thread is never repaired, because piscina's own replacement cannot
// become ready while main is blocked in a flush: its clients are told, and the next one to move in starts a new one.
import { createRequire } from 'node:module';
import {
  BEAT_INTERVAL_MS,
  type OpenOrder,
  PROTOCOL_VERSION,
  VITAL,
  VITALS_BYTES,
} from '@offthread/worker/protocol';
import type { Piscina } from 'piscina';
import { publish } from './diagnostics.js';

/** Looks without a new heartbeat after which a thread is dead: a second. */
const MISSED_BEATS = 10;

/** What that may grow to: ten seconds. */
const MISSED_BEATS_AT_MOST = 100;

/** The same while it starts: half a minute, because a busy machine takes seconds, and nothing is lost by waiting. */
const MISSED_BEATS_STARTING = 300;

/** Clients for which one more may be missed: each has a connection to open at the same moment, 2 ms of work. */
const CLIENTS_PER_BEAT = 50;

/** Milliseconds for which nobody tries again to start a thread that could not be started. */
const START_AGAIN_MS = 60_000;

/** Who lives on a thread. */
export interface Resident {
  /** Whether it waits for the thread to do something. */
  readonly waiting: boolean;
  /** The thread is gone. Whatever the thread posted before can still be read. */
  threadDied(): void;
}

/** A thread cannot be started; the message names the remedy. */
export class StartError extends Error {}

/** What all copies of this package in a process share. */
interface Shared {
  thread: Thread | undefined;
  failure: { readonly error: StartError; readonly until: number } | undefined;
  /** Looks without a new heartbeat after which a thread is dead. */
  patience: number;
  /** What the last thread died of, until there is a new one. */
  death: { readonly error: unknown } | undefined;
}

const KEY = Symbol.for(`@offthread/sdk/thread/${PROTOCOL_VERSION}`);
const scope = globalThis as { [KEY]?: Shared };
scope[KEY] ??= { thread: undefined, failure: undefined, patience: MISSED_BEATS, death: undefined };
const shared = scope[KEY];

/** A running worker thread. */
export class Thread {
  readonly #pool: Piscina;
  readonly #memory = new SharedArrayBuffer(VITALS_BYTES);
  readonly #vitals = new Int32Array(this.#memory);
  readonly #residents = new Set<Resident>();
  #dead = false;
  #watch: NodeJS.Timeout | undefined;
  #beat = 0;
  #missed = 0;
  #lastLook = 0;

  /** Why no worker thread can be started, until it is tried again. */
  static get failure(): StartError | undefined {
    const { failure } = shared;
    return failure !== undefined && performance.now() < failure.until ? failure.error : undefined;
  }

  /** @throws {StartError} where no worker thread can be started. */
  static current(): Thread {
    const { failure } = Thread;
    if (failure !== undefined) throw failure;
    if (shared.thread === undefined) {
      shared.thread = new Thread();
      const { death } = shared;
      shared.death = undefined;
      // Later, because a subscriber may flush, and the client that is moving in is not ready for it.
      if (death !== undefined) queueMicrotask(() => publish('offthread:worker-restarted', () => death));
    }
    return shared.thread;
  }

  constructor() {
    this.#pool = startPool();
    // Without a listener for 'error' a worker's exception would end the host.
    this.#pool.on('error', () => this.#die());
    for (const worker of this.#pool.threads) {
      // Before the pool hears of it, which would start a replacement and keep the reason to itself.
      worker.prependListener('error', (error) => this.#die(error));
      worker.prependListener('exit', () => this.#die());
    }
  }

  /** Moves a client in. It is told by `threadDied` when it has to move on. */
  open(resident: Resident, order: Omit<OpenOrder, 'vitals'>): void {
    this.#residents.add(resident);
    const task: OpenOrder = { ...order, vitals: this.#memory };
    this.#pool
      .run(task, { name: 'open', transferList: [order.port] })
      .catch((error: unknown) => this.#die(error));
  }

  /** Watches over the heartbeat for as long as any client waits. */
  watch(): void {
    this.#watch ??= setInterval(() => {
      let waiting = false;
      for (const resident of this.#residents) waiting ||= resident.waiting;
      if (waiting) {
        this.look();
        return;
      }
      clearInterval(this.#watch);
      this.#watch = undefined;
      this.#missed = 0;
    }, BEAT_INTERVAL_MS).unref();
  }

  /** Looks for a sign of life, while somebody waits; acts upon there being none. */
  look(): void {
    if (Atomics.load(this.#vitals, VITAL.DEAD) === 1) this.#die();
    if (this.#dead) return;
    const now = performance.now();
    const since = now - this.#lastLook;
    if (since < BEAT_INTERVAL_MS * 0.9) return;
    this.#lastLook = now;
    const beat = Atomics.load(this.#vitals, VITAL.BEAT);
    if (beat !== this.#beat) {
      this.#beat = beat;
      this.#missed = 0;
      return;
    }
    // A look that comes late says that this process was not run, and then neither was the worker.
    if (since > BEAT_INTERVAL_MS * 2) return;
    this.#missed++;
    const most = beat === 0 ? MISSED_BEATS_STARTING : shared.patience;
    if (this.#missed < most + this.#residents.size / CLIENTS_PER_BEAT) return;
    // It may have been the machine's fault, and three such deaths would cost a batch: the next thread is given longer.
    if (beat !== 0) shared.patience = Math.min(shared.patience * 2, MISSED_BEATS_AT_MOST);
    this.#die();
  }

  /** Moves a client out. The last one closes the door. */
  async leave(resident: Resident): Promise<void> {
    this.#residents.delete(resident);
    if (this.#residents.size > 0 || this.#dead) return;
    this.#end();
    await this.#pool.destroy();
  }

  #end(): void {
    this.#dead = true;
    clearInterval(this.#watch);
    if (shared.thread === this) shared.thread = undefined;
  }

  #die(cause?: unknown): void {
    if (this.#dead) return;
    this.#end();
    // Also where it is dead already: it stops a worker that spins, and the replacement that piscina may have started.
    this.#pool.destroy().catch(() => {});
    if (Atomics.load(this.#vitals, VITAL.BEAT) === 0) failToStart(cause);
    else {
      shared.failure = undefined;
      shared.death = { error: cause };
    }
    for (const resident of this.#residents) resident.threadDied();
  }
}

function startPool(): Piscina {
  try {
    // Loaded with the first event, not with the package; by require, because main may block before an import is done.
    // In here, because a bundler may have left neither the modules nor import.meta.url.
    const require = createRequire(import.meta.url);
    const { Piscina } = require('piscina') as typeof import('piscina');
    return new Piscina({
      filename: require.resolve('@offthread/worker'),
      minThreads: 1,
      maxThreads: 1,
      // Opening a client is the only task there is, and a short one.
      concurrentTasksPerWorker: Number.MAX_SAFE_INTEGER,
      // Otherwise the worker's event loop stands still between tasks.
      atomics: 'disabled',
      // What is preloaded into the host (--require, --import) is none of the worker's business.
      execArgv: [],
      // NODE_DEBUG=http would print the Authorization header.
      env: { ...process.env, NODE_OPTIONS: '', NODE_DEBUG: '' },
      recordTiming: false,
    });
  } catch (error) {
    throw failToStart(error);
  }
}

function failToStart(cause: unknown): StartError {
  // Where a module is missing, the lines behind the first one say who wanted it.
  const [reason] = (cause instanceof Error ? cause.message : 'it ended before it was up').split('\n');
  const message = `The worker thread cannot be started: ${reason?.replace(/\.$/, '')}. ${remedyFor(cause)}`;
  const error = new StartError(message, { cause });
  shared.failure = { error, until: performance.now() + START_AGAIN_MS };
  return error;
}

function remedyFor(cause: unknown): string {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  if (code === 'ERR_ACCESS_DENIED') {
    return "Under Node's permission model start it with --allow-worker, and with --allow-fs-read for node_modules";
  }
  return 'Where a bundler is in use, leave @offthread/sdk, @offthread/worker and piscina external and install them beside the bundle';
}
