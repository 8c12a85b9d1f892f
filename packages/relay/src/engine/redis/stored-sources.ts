// Remembers the sources of all relays, also those whose write key isn't listed any more. A set of its own, because looking
// for their keys would mean to look at all keys of a Redis that others may use too. Used by open.ts and redis-engine.ts.
import type { Redis } from 'ioredis';
import { SOURCES_KEY } from './keys.js';

/** Returns the names of the sources, sorted. */
export async function storedSources(redis: Redis): Promise<string[]> {
  return (await redis.smembers(SOURCES_KEY)).sort();
}

/** Never rejects: if Redis is full, a heartbeat of a relay does it. */
export async function storeSources(redis: Redis, sources: readonly string[]): Promise<void> {
  await redis.sadd(SOURCES_KEY, ...sources).catch(() => {});
}
