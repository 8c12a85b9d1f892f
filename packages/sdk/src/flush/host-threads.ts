// Clients in worker threads of the host -> flushed when the main thread ends. Used by exit.ts; its other half is host-end.ts
// of the worker.
//
// Node.js ends all threads with the main thread, and runs no code in them for that. So the main thread's exit hook says in
// shared memory that it ends, and waits for those that have events pending. A thread finds the memory if the SDK was loaded
// on the main thread before the thread was started.
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
 * Milliseconds without a beat after which main no longer waits for a thread: it was terminated, or it is blocked and its worker
 * has nothing to do.
 */
const SILENCE_MS = 1_000;

const known: unknown = getEnvironmentData(HOST_KEY);
// Not by `instanceof`: a test runner may load this in another realm.
const memory = types.isSharedArrayBuffer(known) ? known : undefined;

/** The thread that this is; undefined if it is the main thread, or was started before the SDK was loaded there. */
export const hostThread: HostThread | undefined =
  isMainThread || memory === undefined
    ? undefined
    : { memory, at: HOST.THREADS + (threadId % HOST_THREADS) * HOST_THREAD.WORDS };

/** The main thread's view of all others. */
export class HostThreads {
  readonly #words: Int32Array;

  /** For the first copy of the SDK on the main thread, which does it for all of them. `onExit` is called when it ends. */
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

  /** Has all threads send what they have, without waiting for it. */
  startFlush(): void {
    Atomics.store(this.#words, HOST.ENDING, 1);
    Atomics.notify(this.#words, HOST.ENDING);
  }

  /** Blocks until they have, or until their time since `start` is over. */
  finishFlush(start: number): void {
    const words = this.#words;
    const beats = new Map<number, { beat: number; silence: number }>();
    for (let last = now(); ; ) {
      const changes = Atomics.load(words, HOST.CHANGES);
      const time = now();
      // A look that comes late says that this process was not run, and then neither were its threads.
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

/** What this thread has pending, for the main thread to see. */
export class PendingInThread {
  readonly #words: Int32Array;
  readonly #at: number;
  readonly #flush: () => Promise<unknown>;
  #clients = 0;
  #state: 'idle' | 'listening' | 'flushed' = 'idle';

  /** @param flush flushes all clients that have events pending. */
  constructor({ memory, at }: HostThread, flush: () => Promise<unknown>) {
    this.#words = new Int32Array(memory);
    this.#at = at;
    this.#flush = flush;
  }

  /** A client has events pending, for which the process is to wait that long. */
  add(timeout: number): void {
    this.#clients++;
    // What is tracked from then on need not be waited for: a thread may do that for ever.
    if (this.#state === 'flushed') return;
    const before = this.#clients === 1 ? 0 : Atomics.load(this.#words, this.#at + HOST_THREAD.TIMEOUT);
    Atomics.store(this.#words, this.#at + HOST_THREAD.TIMEOUT, Math.max(before, Math.ceil(timeout)));
    Atomics.store(this.#words, this.#at + HOST_THREAD.PENDING, threadId);
    if (this.#state === 'idle') {
      this.#state = 'listening';
      inRootContext(() => void this.#listen());
    }
  }

  /** One of them has none any more. */
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
    // Two threads may share the words, see `HOST_THREADS`.
    Atomics.compareExchange(words, this.#at + HOST_THREAD.PENDING, threadId, 0);
    Atomics.add(words, HOST.CHANGES, 1);
    Atomics.notify(words, HOST.CHANGES);
  }
}
