// The dead letters of a source, in a stream: lists them, and stores them as events again. scripts.ts adds them when their
// entries are removed. Used by redis-engine.ts.
import type { Redis } from 'ioredis';
import type { StoredDeadLetter } from '../engine.js';
import { available } from './availability.js';
import { keysOf } from './keys.js';
import { REPLAY } from './scripts.js';
import { pairsOf, timeOf } from './stream-entry.js';

/** Dead letters to replay at a time. Redis does nothing else meanwhile. */
const REPLAY_COUNT = 200;

export class DeadLetterStream {
  readonly #redis: Redis;
  readonly #partitions: number;

  constructor(redis: Redis, partitions: number) {
    this.#redis = redis;
    this.#partitions = partitions;
  }

  async list(source: string, after: string | undefined, count: number): Promise<StoredDeadLetter[]> {
    const from = after === undefined ? '-' : `(${after}`;
    const entries = await available(() => this.#redis.xrange(keysOf(source).dead, from, '+', 'COUNT', count));
    return entries.map(([id, fields]) => {
      const { text = '', code = '', message = '', status = '' } = Object.fromEntries(pairsOf(fields));
      return { id, time: timeOf(id), text, code, message, ...(status !== '' && { status: Number(status) }) };
    });
  }

  /** Returns how many were there. */
  async replay(source: string, ids: readonly string[]): Promise<number> {
    const { counters, dead, partitions, streams } = keysOf(source);
    const keys = [counters, dead, partitions, ...streams(this.#partitions)];
    let replayed = 0;
    for (let from = 0; from < ids.length; from += REPLAY_COUNT) {
      const some = ids.slice(from, from + REPLAY_COUNT);
      replayed += Number(await available(() => REPLAY.run(this.#redis, keys, some)));
    }
    return replayed;
  }
}
