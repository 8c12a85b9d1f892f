// Finds the sources that have something in Redis, also those whose write key isn't listed any more. Used by open.ts and
// redis-engine.ts.
import type { Redis } from 'ioredis';
import { keysOf } from './keys.js';

/** Keys that Redis looks at in one step. */
const STEP = 1_000;

/** Returns the names of the sources, sorted. Looks at all keys of the database. */
export async function storedSources(redis: Redis): Promise<string[]> {
  const names = new Set<string>();
  let cursor = '0';
  do {
    const [next, keys] = await redis.scan(cursor, 'MATCH', keysOf('*').counters, 'COUNT', STEP);
    for (const key of keys) names.add(key.slice(key.indexOf('{') + 1, key.indexOf('}')));
    cursor = next;
  } while (cursor !== '0');
  return [...names].sort();
}
