// A redis-server and engines on it, for the tests in test/relay.
import { afterAll, beforeAll, beforeEach } from 'vitest';
import type { Engine } from '../../packages/relay/src/engine/engine.js';
import { type OpenRedisOptions, openRedisEngine } from '../../packages/relay/src/engine/redis/open.js';
import { type DrainBench, noLog, SOURCE, withDrains } from './drains.js';
import { RedisServer, type RedisSettings } from './redis.js';

export interface RedisBench extends DrainBench {
  readonly redis: RedisServer;
  engine(options?: Partial<OpenRedisOptions>): Promise<Engine>;
}

/** Sets up a redis-server and a local Tracking API for a test file. Both are emptied before each test. */
export function withRelay(settings: RedisSettings = {}): RedisBench {
  const drains = withDrains();
  let redis: RedisServer | undefined;
  let relays = 0;
  beforeAll(async () => {
    redis = await RedisServer.start(settings);
  });
  beforeEach(async () => {
    const client = bench.redis.client();
    await client.flushall();
    await client.config('SET', 'maxmemory', '0');
    client.disconnect();
  });
  afterAll(() => redis?.close());
  const bench: RedisBench = {
    get api() {
      return drains.api;
    },
    drain: drains.drain,
    keep: drains.keep,
    get redis() {
      if (redis === undefined) throw new Error('redis-server has not been started yet');
      return redis;
    },
    async engine(options = {}) {
      relays++;
      const engine = await openRedisEngine({
        url: bench.redis.url,
        partitions: 1,
        maxBytes: 100_000_000,
        relayId: `relay-${relays}`,
        sources: [SOURCE.name],
        // No lease expires because a process of the test had to wait. A test that needs it to expire has one of its own.
        leaseDuration: 60_000,
        log: noLog,
        ...options,
      });
      return drains.keep(engine);
    },
  };
  return bench;
}
