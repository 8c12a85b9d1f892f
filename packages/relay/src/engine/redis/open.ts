// Opens the engine on Redis: connects, examines the server, and checks the number of partitions. Next: redis-engine.ts.
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { createConnection, placeOf, type RedisAddress } from './connection.js';
import { connect, examine } from './doctor.js';
import { keysOf } from './keys.js';
import { RedisEngine, type RedisEngineOptions } from './redis-engine.js';
import { repartition } from './repartition.js';
import { storedSources, storeSources } from './stored-sources.js';

/** Milliseconds between two messages about the connection in the log. */
const REPORT_MS = 60_000;

export interface OpenRedisOptions extends RedisAddress, Pick<RedisEngineOptions, 'maxBytes' | 'relayId'> {
  /** `'kept'`: the number that the events were stored with, for commands that look at them. */
  readonly partitions: number | 'kept';
  /** The names of the sources. */
  readonly sources: readonly string[];
  /** Replicas that must have an event before it counts as stored. Default: 0. */
  readonly waitReplicas?: number;
  /** Milliseconds to wait for them. Default: 2,000. */
  readonly waitDuration?: number;
  /** Milliseconds. Default: 10,000. */
  readonly leaseDuration?: number;
  /** Most dead letters of a source. Default: 10,000. */
  readonly maxDeadLetters?: number;
  readonly log: Logger;
}

/** Rejects, with a message that names the remedy, if Redis can't be used. */
export async function openRedisEngine(options: OpenRedisOptions): Promise<RedisEngine> {
  const ingest = createConnection(options, 'ingest');
  const drain = createConnection(options, 'drain');
  try {
    const found =
      (await connect(drain, options)) ?? (await connect(ingest, options)) ?? (await examine(drain));
    for (const { level, message, remedy } of found) {
      if (level === 'error') throw new Error(`${message}. ${remedy}`);
      if (level === 'warning') options.log.warn({ remedy }, message);
    }
    const partitions = await partitionsFor(drain, options);
    for (const redis of [ingest, drain]) logTrouble(redis, options);
    const defaults = {
      waitReplicas: 0,
      waitDuration: 2_000,
      leaseDuration: 10_000,
      maxDeadLetters: 10_000,
    };
    return new RedisEngine(ingest, drain, { ...defaults, ...options, partitions });
  } catch (error) {
    ingest.disconnect();
    drain.disconnect();
    throw error;
  }
}

/** Returns the number of partitions. Rejects if events wait in another number of them. */
async function partitionsFor(redis: Redis, { sources, partitions }: OpenRedisOptions): Promise<number> {
  if (partitions !== 'kept') {
    for (const source of sources) await checkPartitions(redis, source, partitions);
    await storeSources(redis, sources);
    return partitions;
  }
  // Commands also look at sources that aren't listed.
  const all = [...sources, ...(await storedSources(redis))];
  const kept = await Promise.all(all.map((source) => redis.get(keysOf(source).partitions)));
  return Math.max(1, ...kept.map(Number));
}

/** With another number, the events of a user would go to another partition, and overtake those that wait. */
async function checkPartitions(redis: Redis, source: string, partitions: number): Promise<void> {
  const kept = await redis.get(keysOf(source).partitions);
  if (kept === null || kept === String(partitions)) return;
  if (await repartition(redis, source, kept)) return;
  throw new Error(
    `Events of source ${source} wait in ${kept} partitions; pass --partitions ${kept}, or start with --partitions ${partitions} when they are delivered`,
  );
}

function logTrouble(redis: Redis, { log, url }: OpenRedisOptions): void {
  let reportedAt = Number.NEGATIVE_INFINITY;
  redis.on('error', ({ message }: Error) => {
    if (performance.now() - reportedAt < REPORT_MS) return;
    reportedAt = performance.now();
    log.error({ redis: placeOf(url), reason: message }, 'the connection to Redis fails; it is tried again');
  });
}
