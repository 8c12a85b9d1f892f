// Allows another number of partitions of a source when nothing waits. Used by open.ts and stream-writer.ts.
import type { Redis } from 'ioredis';
import { keysOf } from './keys.js';
import { REPARTITION } from './scripts.js';

/** Returns whether it is allowed. @param kept the number that Redis has. */
export async function repartition(redis: Redis, source: string, kept: string): Promise<boolean> {
  const keys = keysOf(source);
  const streams = keys.streams(Number(kept));
  return (await REPARTITION.run(redis, [keys.partitions, ...streams], [kept])) === 0;
}
