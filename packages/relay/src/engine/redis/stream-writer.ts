// Appends the events of requests to the streams, and says why it can't. Used by redis-engine.ts. Next: scripts.ts.
import type { Redis } from 'ioredis';
import { type Appended, EngineUnavailableError, type PartitionedEvents } from '../engine.js';
import { available } from './availability.js';
import { keysOf } from './keys.js';
import { repartition } from './repartition.js';
import { ReplicaWait } from './replica-wait.js';
import type { Argument } from './script.js';
import { APPEND } from './scripts.js';
import { entriesOf } from './stream-entry.js';

export interface StreamWriterOptions {
  readonly partitions: number;
  /** Most bytes of a source, dead letters included. */
  readonly maxBytes: number;
  /** Replicas that must have an event before it counts as stored. */
  readonly waitReplicas: number;
  /** Milliseconds for which Redis waits for them. Shorter than the timeout of a command. */
  readonly waitDuration: number;
}

export class StreamWriter {
  readonly #redis: Redis;
  readonly #options: StreamWriterOptions;
  readonly #replicas: ReplicaWait;

  constructor(redis: Redis, options: StreamWriterOptions) {
    this.#redis = redis;
    this.#options = options;
    this.#replicas = new ReplicaWait(redis, options.waitReplicas, options.waitDuration);
  }

  /** Stores the events of one request, all or none. */
  async append(source: string, events: readonly PartitionedEvents[]): Promise<Appended> {
    if (!(await available(() => this.#replicas.areFollowing()))) throw this.#tooFewReplicas();
    const { connection } = this.#replicas;
    let result = await this.#run(source, events);
    // The number may be that of a relay that ran beside this one for a while.
    const isOther = result !== 'full' && result !== 'stored';
    if (isOther && (await available(() => repartition(this.#redis, source, result))))
      result = await this.#run(source, events);
    if (result === 'full') return { type: 'full' };
    if (result !== 'stored') throw new EngineUnavailableError(this.#otherPartitions(result));
    if (!(await available(() => this.#replicas.isReplicated(connection)))) throw this.#tooFewReplicas();
    return { type: 'stored' };
  }

  /**
   * Resolves with why no events of one of these sources can be stored; undefined if they can.
   *
   * @param redis another connection, because requests may occupy this one with a WAIT.
   */
  async obstacle(redis: Redis, sources: readonly string[]): Promise<string | undefined> {
    const all = await available(() => redis.mget(...sources.map((source) => keysOf(source).partitions)));
    for (const [index, kept] of all.entries()) {
      if (kept === null || kept === String(this.#options.partitions)) continue;
      const isAllowed = await available(() => repartition(redis, sources[index] ?? '', kept));
      if (!isAllowed) return this.#otherPartitions(kept);
    }
    const areFollowing = await available(() => this.#replicas.areFollowing());
    return areFollowing ? undefined : this.#tooFewReplicas().message;
  }

  /** Returns 'stored', 'full', or the number of partitions in which events wait. */
  async #run(source: string, events: readonly PartitionedEvents[]): Promise<string> {
    const keys = keysOf(source);
    const names = [keys.counters, keys.partitions];
    const args: Argument[] = [this.#options.maxBytes, this.#options.partitions];
    for (const { partition, texts } of events) {
      for (const entry of entriesOf(texts)) {
        names.push(keys.stream(partition));
        args.push(partition, entry.events, entry.text);
      }
    }
    return String(await available(() => APPEND.run(this.#redis, names, args)));
  }

  #otherPartitions(kept: string): string {
    return `events of a source wait in ${kept} partitions, and this relay has ${this.#options.partitions}`;
  }

  #tooFewReplicas(): EngineUnavailableError {
    return new EngineUnavailableError(`fewer than ${this.#options.waitReplicas} replicas follow Redis`);
  }
}
