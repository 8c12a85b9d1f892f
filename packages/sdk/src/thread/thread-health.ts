// Judges by shared memory whether a worker thread is alive: the thread counts its heartbeats there, and records its
// start and its end. Used by worker-thread.ts. The slots are described in the worker's protocol.ts.
import {
  BEAT_INTERVAL_MS,
  EXIT_MESSAGE,
  HEALTH,
  HEALTH_BYTES,
  HEALTH_CLOCK,
} from '@offthread/worker/protocol';
import { isSubscribed } from '../report/diagnostics.js';
import { now } from '../runtime/clock.js';

/** A thread without a new heartbeat for this many milliseconds counts as dead. Ten heartbeat intervals. */
export const MAX_SILENCE_MS = 1_000;

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

/** How long the threads of this process may be silent. */
export interface SilenceLimits {
  /** Milliseconds without a new heartbeat after which a thread counts as dead. */
  maxSilence: number;
  /** The starts that have failed since the last successful one. */
  readonly failed: { readonly all: number };
}

export class ThreadHealth {
  readonly memory = new SharedArrayBuffer(HEALTH_BYTES);
  readonly #words = new Int32Array(this.memory);
  readonly #clock = new BigInt64Array(this.memory);
  readonly #limits: SilenceLimits;
  /** The last beat that `check()` saw, the milliseconds without a new one, and the time of the last check. */
  #lastBeat = 0;
  #silentFor = 0;
  #lastCheck = 0;
  /** The last beat that `glance()` saw, and when it was last new or wasn't needed. */
  #glancedBeat = 0;
  #seenAlive = now();

  constructor(limits: SilenceLimits) {
    this.#limits = limits;
  }

  /** Milliseconds on the worker's clock at its last heartbeat. */
  get clock(): number {
    return Number(Atomics.load(this.#clock, HEALTH_CLOCK));
  }

  /** Whether the thread has run its first line. */
  get hasBegun(): boolean {
    return Atomics.load(this.#words, HEALTH.BEGUN) === 1;
  }

  /** Whether the thread has been ready, even if it is dead now. */
  get wasUp(): boolean {
    return this.#beat > 0;
  }

  /** The exception that ended the thread, if it left a message. */
  get exitMessage(): Error | undefined {
    const bytes = Buffer.from(this.memory, EXIT_MESSAGE.START, EXIT_MESSAGE.BYTES);
    const text = bytes.toString('utf8', 0, Math.max(0, bytes.indexOf(0)));
    return text === '' ? undefined : new Error(text);
  }

  /** Lets the worker post its progress if there is a subscriber to it. */
  noteSubscribers(): void {
    Atomics.store(this.#words, HEALTH.SUBSCRIBED, Number(isSubscribed('offthread:delivered')));
  }

  /**
   * A thread counts as dead if it has ended, or was silent for too long. Called every `interval` ms while a caller
   * waits.
   */
  check(interval: number, clients: number): 'alive' | 'dead' {
    if (Atomics.load(this.#words, HEALTH.DEAD) === 1) return 'dead';
    const time = now();
    const since = time - this.#lastCheck;
    if (since < BEAT_INTERVAL_MS * 0.9) return 'alive';
    this.#lastCheck = time;
    const beat = this.#beat;
    if (beat !== this.#lastBeat) {
      this.#lastBeat = beat;
      this.#silentFor = 0;
      return 'alive';
    }
    // A late check means that this process was suspended, and then so was the worker.
    if (since > 2 * interval) return 'alive';
    this.#silentFor += Math.min(since, interval);
    const most = beat === 0 ? this.#startTimeout : this.#limits.maxSilence;
    if (this.#silentFor < most + clients * SILENCE_PER_CLIENT_MS) return 'alive';
    // The machine may have been too busy, and three such deaths would cost a batch. So the next thread gets more time.
    if (beat !== 0) this.#limits.maxSilence = Math.min(this.#limits.maxSilence * 2, MAX_SILENCE_LIMIT_MS);
    return 'dead';
  }

  /** Measures the silence anew when the next caller waits. */
  resetSilence(): void {
    this.#silentFor = 0;
  }

  /**
   * A thread is silent if it has work, but had no heartbeat for `MAX_SILENCE_MS`. For an occasional check while nobody
   * waits.
   */
  glance(isWorking: boolean): 'alive' | 'silent' {
    const beat = this.#beat;
    const time = now();
    if (beat !== this.#glancedBeat || !isWorking) {
      this.#glancedBeat = beat;
      this.#seenAlive = time;
      return 'alive';
    }
    return time - this.#seenAlive > MAX_SILENCE_MS ? 'silent' : 'alive';
  }

  /** Whether there was no heartbeat since the last `glance()` that saw one. */
  get isSilent(): boolean {
    return this.#beat === this.#glancedBeat;
  }

  get #beat(): number {
    return Atomics.load(this.#words, HEALTH.BEAT);
  }

  get #startTimeout(): number {
    if (this.hasBegun) return MAX_SILENCE_STARTING_MS;
    return Math.min(MAX_SILENCE_UNBEGUN_MS * 2 ** this.#limits.failed.all, MAX_SILENCE_STARTING_MS);
  }
}
