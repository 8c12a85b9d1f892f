// Runs a Lua script in Redis: by its hash, and by its text if Redis doesn't know it. Used by redis-engine.ts.
import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';

export type Argument = string | number;

export class Script {
  readonly #text: string;
  readonly #hash: string;

  constructor(text: string) {
    this.#text = text;
    this.#hash = createHash('sha1').update(text).digest('hex');
  }

  async run(redis: Redis, keys: readonly string[], args: readonly Argument[]): Promise<unknown> {
    try {
      return await redis.evalsha(this.#hash, keys.length, ...keys, ...args);
    } catch (error) {
      // Redis forgets its scripts when it restarts. It has executed nothing.
      if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
      return redis.eval(this.#text, keys.length, ...keys, ...args);
    }
  }
}
