// Flushes clients in the host's own worker threads when the main thread ends. Used by exit.ts. The counterpart in the
// worker is host-end.ts.
//
// When the main thread ends, Node.js ends all other threads without running any code in them. So the main thread's exit
// hook sets a flag in shared memory, and waits for the threads that have pending events. A thread finds this memory if
// the SDK was loaded on the main thread before the thread was started.
import * as types from 'node:util/types';
import { getEnvironmentData, isMainThread, setEnvironmentData, threadId } from 'node:worker_threads';
import {
  BEAT_INTERVAL_MS,
  HOST,
  HOST_KEY,
  HOST_THREAD,
  HOST_THREADS,
  type HostThread,
} from '@offthread/worker/protocol';
import { every, now } from '../runtime/clock.js';
import { inRootContext } from '../runtime/root-context.js';
import { waitForChange } from '../runtime/wait-for-change.js';

/**
 * Milliseconds without a beat after which the main thread no longer waits for a thread. Such a thread was terminated,
 * or it is blocked and its worker has nothing to do.
 */
const SILENCE_MS = 1_000;

const known: unknown = getEnvironmentData(HOST_KEY);
// Not `instanceof`, because a test runner may load this module in another realm.
const memory = types.isSharedArrayBuffer(known) ? known : undefined;

/** The current thread. Undefined on the main thread, and in a thread started before the SDK was loaded there. */
export const hostThread: HostThread | undefined =
  isMainThread || memory === undefined
    ? undefined
    : { memory, at: HOST.THREADS + (threadId % HOST_THREADS) * HOST_THREAD.WORDS };

/** All other threads of the host, as seen by the main thread. */
export class HostThreads {
  readonly #words: Int32Array;

  /** Returns an instance only to the first copy of the SDK on the main thread. `onExit` is called on exit. */
  static first(onExit: () => void): HostThreads | undefined {
    if (!isMainThread || memory !== undefined) return undefined;
    process.prependListener('exit', onExit);
    return new HostThreads();
  }

  constructor() {
    const words = HOST.THREADS + HOST_THREADS * HOST_THREAD.WORDS;
    const block = new SharedArrayBuffer(words * Int32Array.BYTES_PER_ELEMENT);
    this.#words = new Int32Array(block);
    setEnvironmentData(HOST_KEY, block);
  }

  /** Asks all threads to flush. Doesn't wait for them. */
  startFlush(): void {
    Atomics.store(this.#words, HOST.ENDING, 1);
    Atomics.notify(this.#words, HOST.ENDING);
  }

  /** Blocks until they have flushed, or until their flush timeout, counted from `start`, has passed. */
  finishFlush(start: number): void {
    const words = this.#words;
    const beats = new Map<number, { beat: number; silence: number }>();
    for (let last = now(); ; ) {
      const changes = Atomics.load(words, HOST.CHANGES);
      const time = now();
      // At most one interval counts. A longer one means that the process was suspended, and its threads with it.
      const since = Math.min(time - last, BEAT_INTERVAL_MS);
      last = time;
      let deadline = 0;
      for (let at: number = HOST.THREADS; at < words.length; at += HOST_THREAD.WORDS) {
        if (Atomics.load(words, at + HOST_THREAD.PENDING) === 0) continue;
        const beat = Atomics.load(words, at + HOST_THREAD.BEAT);
        const before = beats.get(at);
        const silence = before?.beat === beat ? before.silence + since : 0;
        beats.set(at, { beat, silence });
        if (silence >= SILENCE_MS) continue;
        deadline = Math.max(deadline, start + Atomics.load(words, at + HOST_THREAD.TIMEOUT));
      }
      if (time >= deadline) return;
      waitForChange(words, HOST.CHANGES, changes, Math.min(deadline - time, BEAT_INTERVAL_MS));
    }
  }
}

/** Publishes to the main thread whether this thread has pending events. */
export class PendingInThread {
  readonly #words: Int32Array;
  readonly #at: number;
  readonly #flush: () => Promise<unknown>;
  #clients = 0;
  #state: 'idle' | 'listening' | 'flushed' = 'idle';

  /** @param flush flushes all clients that have pending events. */
  constructor({ memory, at }: HostThread, flush: () => Promise<unknown>) {
    this.#words = new Int32Array(memory);
    this.#at = at;
    this.#flush = flush;
  }

  /** Adds a client with pending events. The main thread waits at most `timeout` ms for them. */
  add(timeout: number): void {
    this.#clients++;
    // The main thread doesn't wait for events tracked after the flush, because a thread may track forever.
    if (this.#state === 'flushed') return;
    const before = this.#clients === 1 ? 0 : Atomics.load(this.#words, this.#at + HOST_THREAD.TIMEOUT);
    Atomics.store(this.#words, this.#at + HOST_THREAD.TIMEOUT, Math.max(before, Math.ceil(timeout)));
    Atomics.store(this.#words, this.#at + HOST_THREAD.PENDING, threadId);
    if (this.#state === 'idle') {
      this.#state = 'listening';
      inRootContext(() => void this.#listen());
    }
  }

  /** Removes a client that has no pending events any more. */
  delete(): void {
    this.#clients--;
    if (this.#clients === 0) this.#finish();
  }

  async #listen(): Promise<void> {
    await Atomics.waitAsync(this.#words, HOST.ENDING, 0).value;
    const beat = every(BEAT_INTERVAL_MS, () => Atomics.add(this.#words, this.#at + HOST_THREAD.BEAT, 1));
    await this.#flush();
    beat.stop();
    this.#state = 'flushed';
    this.#finish();
  }

  #finish(): void {
    const words = this.#words;
    // Not a plain store, because two threads may share these words, see `HOST_THREADS`.
    Atomics.compareExchange(words, this.#at + HOST_THREAD.PENDING, threadId, 0);
    Atomics.add(words, HOST.CHANGES, 1);
    Atomics.notify(words, HOST.CHANGES);
  }
}
