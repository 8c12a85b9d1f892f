// Writes the requests that arrive during a sync together, and syncs them together. Used by disk-engine.ts.
import { EngineUnavailableError, type PartitionedEvents } from '../engine.js';
import { toPayloads } from './entry.js';
import type { PartitionLog } from './partition-log.js';
import type { SourceLog } from './source-log.js';

/** Most bytes that wait for a sync. Beyond that the disk is too slow, and memory would grow. */
const MAX_QUEUED_BYTES = 64 * 1024 * 1024;

interface Request {
  readonly source: SourceLog;
  readonly events: readonly PartitionedEvents[];
  readonly bytes: number;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

export class GroupCommit {
  readonly #isHeld: () => boolean;
  #queue: Request[] = [];
  #queuedBytes = 0;
  #running: Promise<void> | undefined;

  /** @param isHeld whether the directory is still ours. */
  constructor(isHeld: () => boolean) {
    this.#isHeld = isHeld;
  }

  /** Resolves when the events are synced. Rejects if none of them is stored. */
  store(source: SourceLog, events: readonly PartitionedEvents[], bytes: number): Promise<void> {
    if (this.#queuedBytes + bytes > MAX_QUEUED_BYTES)
      return Promise.reject(new EngineUnavailableError('The disk is too slow for what arrives'));
    source.queuedBytes += bytes;
    this.#queuedBytes += bytes;
    return new Promise((resolve, reject) => {
      this.#queue.push({ source, events, bytes, resolve, reject });
      this.#running ??= this.#run();
    });
  }

  /** Resolves when nothing is being written. */
  async idle(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    while (this.#queue.length > 0) {
      const round = this.#queue;
      this.#queue = [];
      const failure = await this.#commit(round);
      for (const { source, bytes, resolve, reject } of round) {
        source.queuedBytes -= bytes;
        this.#queuedBytes -= bytes;
        if (failure === undefined) resolve();
        else reject(failure);
      }
    }
    this.#running = undefined;
  }

  /** Returns why nothing of the round is stored; undefined if all of it is. */
  async #commit(round: readonly Request[]): Promise<EngineUnavailableError | undefined> {
    const logs = new Set<PartitionLog>();
    try {
      const time = Date.now();
      for (const { source, events } of round) {
        for (const { partition, texts } of events) {
          const log = source.partitions[partition];
          if (log === undefined) throw new RangeError(`There is no partition ${partition}`);
          logs.add(log);
          for (const payload of toPayloads(texts)) log.write(payload, time);
        }
      }
      // All of them end before anything is rolled back.
      const results = await Promise.allSettled([...logs].map((log) => log.sync()));
      for (const result of results) if (result.status === 'rejected') throw result.reason;
      // Another relay takes over a directory whose relay stood still for minutes.
      if (!this.#isHeld()) throw new Error('Another relay has taken over the directory');
    } catch (error) {
      for (const log of logs) log.rollBack();
      const message = error instanceof Error ? error.message : String(error);
      return new EngineUnavailableError(`Events cannot be written: ${message}`, { cause: error });
    }
    for (const log of logs) log.commit();
    return undefined;
  }
}
