// The engine on Redis Streams: a stream for each partition, used as a plain log. Consumer groups aren't used: they lose
// the order of events when entries are claimed, and they vanish with their stream. Next: stream-writer.ts, scripts.ts.
import { randomUUID } from 'node:crypto';
import { MAX_BATCH_EVENTS, MAX_BODY_BYTES } from '@offthread/worker/limits';
import type { Redis } from 'ioredis';
import {
  type Appended,
  type Backlog,
  DEAD_LETTERS_SHARE,
  type Engine,
  type Entry,
  type Lease,
  type PartitionedEvents,
  type Removal,
  type StoredDeadLetter,
} from '../engine.js';
import { available } from './availability.js';
import { DeadLetterStream } from './dead-letter-stream.js';
import { keysOf, relaysKey, SOURCES_KEY } from './keys.js';
import type { Argument, Script } from './script.js';
import { ACQUIRE, BACKLOG, HEARTBEAT, HOLD, MARK, READ, RELEASE, REMOVE, RENEW, UNMARK } from './scripts.js';
import { storedSources } from './stored-sources.js';
import { idOf, pairsOf, partsOf, textsOf, timeOf } from './stream-entry.js';
import { StreamWriter, type StreamWriterOptions } from './stream-writer.js';

/** Bytes of the events of a request. The rest of the body takes less than a hundred. */
const READ_BYTES = MAX_BODY_BYTES - 100;

/** Milliseconds for which a relay counts after its last sign of life. */
const ALIVE_MS = 5_000;

export interface RedisEngineOptions extends StreamWriterOptions {
  readonly maxDeadLetters: number;
  readonly leaseDuration: number;
  /** Name of this relay, without spaces. */
  readonly relayId: string;
  /** The names of the sources that this relay delivers. */
  readonly sources: readonly string[];
}

export class RedisEngine implements Engine {
  readonly partitions: number;
  readonly leaseDuration: number;
  readonly #options: RedisEngineOptions;
  /** A connection of its own, because a WAIT would keep leases from being renewed. */
  readonly #ingest: Redis;
  readonly #drain: Redis;
  readonly #writer: StreamWriter;
  readonly #letters: DeadLetterStream;
  readonly #relays: string;
  #isAlive = false;

  constructor(ingest: Redis, drain: Redis, options: RedisEngineOptions) {
    this.partitions = options.partitions;
    this.leaseDuration = options.leaseDuration;
    this.#options = options;
    this.#ingest = ingest;
    this.#drain = drain;
    this.#relays = relaysKey(options.sources, options.partitions);
    this.#writer = new StreamWriter(ingest, options);
    this.#letters = new DeadLetterStream(drain, options.partitions);
  }

  append(source: string, events: readonly PartitionedEvents[]): Promise<Appended> {
    return this.#writer.append(source, events);
  }

  obstacle(): Promise<string | undefined> {
    return this.#writer.obstacle(this.#drain, this.#options.sources);
  }

  async read({ source, partition }: Lease, after: string | undefined, count: number): Promise<Entry[]> {
    const keys = keysOf(source);
    const from = after === undefined ? '-' : `(${partsOf(after)[0]}`;
    const [found, marks] = (await this.#run(
      READ,
      [keys.stream(partition), keys.marks(partition), keys.counters],
      [from, count, READ_BYTES, MAX_BATCH_EVENTS, partition],
    )) as [string[], string[]];
    const marksOf = new Map(pairsOf(marks));
    const entries: Entry[] = [];
    for (let at = 0; at < found.length; at += 3) {
      const [streamId = '', events = '0', text = ''] = found.slice(at, at + 3);
      entries.push({
        id: idOf(streamId, events, Buffer.byteLength(text)),
        time: timeOf(streamId),
        texts: textsOf(text),
        marks: Number(marksOf.get(streamId) ?? 0),
      });
    }
    return entries;
  }

  async remove({ source, partition, token }: Lease, { ids, deadLetters }: Removal): Promise<boolean> {
    const keys = keysOf(source);
    const { maxDeadLetters, maxBytes } = this.#options;
    const most = Math.floor(maxBytes / DEAD_LETTERS_SHARE);
    const args: Argument[] = [token, partition, maxDeadLetters, most, ids.length];
    for (const id of ids) args.push(...partsOf(id));
    for (const { text, code, message, status = '' } of deadLetters) args.push(text, code, message, status);
    const names = [
      keys.lease(partition),
      keys.stream(partition),
      keys.marks(partition),
      keys.counters,
      keys.dead,
    ];
    return (await this.#run(REMOVE, names, args)) === 1;
  }

  async acquire(source: string, partition: number): Promise<Lease | undefined> {
    const token = `${this.#options.relayId} ${randomUUID()}`;
    const args = [token, this.leaseDuration];
    const isAcquired = (await this.#run(ACQUIRE, [keysOf(source).lease(partition)], args)) === 1;
    return isAcquired ? { source, partition, token } : undefined;
  }

  async renew({ source, partition, token }: Lease): Promise<boolean> {
    return (await this.#run(RENEW, [keysOf(source).lease(partition)], [token, this.leaseDuration])) === 1;
  }

  async release({ source, partition, token }: Lease): Promise<void> {
    await this.#run(RELEASE, [keysOf(source).lease(partition)], [token]);
  }

  async hold(source: string, duration = 0): Promise<number> {
    const { hold } = keysOf(source);
    const left =
      duration > 0
        ? await this.#run(HOLD, [hold], [Math.ceil(duration)])
        : await available(() => this.#drain.pttl(hold));
    return Math.max(0, Number(left));
  }

  async mark({ source, partition, token }: Lease, ids: readonly string[]): Promise<boolean> {
    const keys = keysOf(source);
    const args = [token, this.leaseDuration, ...ids.map((id) => partsOf(id)[0])];
    return (await this.#run(MARK, [keys.lease(partition), keys.marks(partition)], args)) === 1;
  }

  async unmark({ source, partition, token }: Lease, ids: readonly string[]): Promise<void> {
    const keys = keysOf(source);
    const args = [token, ...ids.map((id) => partsOf(id)[0])];
    await this.#run(UNMARK, [keys.lease(partition), keys.marks(partition)], args);
  }

  async heartbeat(): Promise<number> {
    this.#isAlive = true;
    const { relayId, sources } = this.#options;
    return Number(await this.#run(HEARTBEAT, [this.#relays, SOURCES_KEY], [relayId, ALIVE_MS, ...sources]));
  }

  async backlog(source: string): Promise<Backlog> {
    const keys = keysOf(source);
    const names = [keys.counters, keys.dead, ...this.#streams(source)];
    const [counters, deadLetters, first] = (await this.#run(BACKLOG, names, [])) as [
      string[],
      number,
      string[],
    ];
    const sums = { events: 0, bytes: 0, refused: 0 };
    for (const [name, count] of pairsOf(counters)) {
      if (name === 'refused') sums.refused = Number(count);
      else sums[name.startsWith('events') ? 'events' : 'bytes'] += Number(count);
    }
    return {
      events: sums.events,
      bytes: sums.bytes,
      oldest: first.length === 0 ? undefined : Math.min(...first.map(timeOf)),
      deadLetters,
      deadLettersRefused: sums.refused,
    };
  }

  async holders(source: string): Promise<(string | undefined)[]> {
    const keys = keysOf(source);
    const leases = Array.from({ length: this.partitions }, (_, partition) => keys.lease(partition));
    const tokens = await available(() => this.#drain.mget(...leases));
    return tokens.map((token) => token?.split(' ')[0]);
  }

  /** Partitions of a source in which events wait, and which no relay delivers. */
  async undelivered(source: string): Promise<number[]> {
    const [holders, lengths] = await Promise.all([
      this.holders(source),
      available(() => Promise.all(this.#streams(source).map((stream) => this.#drain.xlen(stream)))),
    ]);
    return lengths.flatMap((length, partition) =>
      length > 0 && holders[partition] === undefined ? [partition] : [],
    );
  }

  deadLetters(source: string, after?: string, count = 100): Promise<StoredDeadLetter[]> {
    return this.#letters.list(source, after, count);
  }

  removeDeadLetters(source: string, ids: readonly string[]): Promise<number> {
    return this.#letters.replay(source, ids);
  }

  /** Names of the sources that have something in Redis, also those that this relay doesn't know. */
  storedSources(): Promise<readonly string[]> {
    return available(() => storedSources(this.#drain));
  }

  async close(): Promise<void> {
    // The other relays needn't wait until this one doesn't count any more.
    if (this.#isAlive) await this.#drain.zrem(this.#relays, this.#options.relayId).catch(() => {});
    this.#ingest.disconnect();
    this.#drain.disconnect();
  }

  #streams(source: string): string[] {
    return keysOf(source).streams(this.partitions);
  }

  #run(script: Script, keys: readonly string[], args: readonly Argument[]): Promise<unknown> {
    return available(() => script.run(this.#drain, keys, args));
  }
}
