import { afterEach, describe, expect, it } from 'vitest';
import { type Engine, EngineUnavailableError } from '../../packages/relay/src/engine/engine.js';
import { acquired, emptied, SOURCE, store, texts, until } from '../helpers/drains.js';
import { MovableAddress, RedisServer, type RedisSettings } from '../helpers/redis.js';
import { withRelay } from '../helpers/redis-relay.js';

const relay = withRelay();
const { name } = SOURCE;
const cleanup: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const act of cleanup.splice(0).reverse()) await act();
});

async function server(settings: RedisSettings = {}): Promise<RedisServer> {
  const started = await RedisServer.start(settings);
  cleanup.push(() => started.close());
  return started;
}

/** Tries to store events. */
async function isStored(engine: Engine, events: readonly string[]): Promise<boolean> {
  const stored = engine.append(name, [{ partition: 0, texts: events }]);
  return (await stored.catch(() => undefined))?.type === 'stored';
}

/** Appends requests of 10 events for two partitions until it is told to stop. Returns what was answered, and when. */
function appending(engine: Engine, pause = 0) {
  const stored = new Map<string, number>();
  const failed: string[] = [];
  let isStopped = false;
  const append = async (client: number): Promise<void> => {
    for (let request = 0; !isStopped; request++) {
      const id = `${client}.${request}`;
      const events = [0, 1].map((partition) => ({ partition, texts: texts(`${id}.${partition}`, 5) }));
      try {
        const { type } = await engine.append(name, events);
        if (type === 'stored') stored.set(id, performance.now());
        else failed.push(id);
        if (pause > 0) await new Promise((resolve) => setTimeout(resolve, pause));
      } catch {
        failed.push(id);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
  };
  const all = [1, 2, 3, 4].map(append);
  return {
    /** Lets that time pass, and then as much as it takes until some requests were answered. */
    async goOn(ms: number): Promise<void> {
      const enough = stored.size + 5;
      await new Promise((resolve) => setTimeout(resolve, ms));
      await until('some requests were answered', () => stored.size >= enough);
    },
    async stop() {
      isStopped = true;
      await Promise.all(all);
      return { stored, failed };
    },
  };
}

/** The requests of which events are in the engine: those of which all are, and those of which some are. */
async function requestsIn(engine: Engine): Promise<{ whole: Set<string>; part: Set<string> }> {
  const counts = new Map<string, number>();
  for (const partition of [0, 1]) {
    const lease = await acquired(engine, partition);
    for (let after: string | undefined, hasMore = true; hasMore; ) {
      const entries = await engine.read(lease, after, 1_000);
      for (const text of entries.flatMap((entry) => entry.texts)) {
        const id = /"messageId":"(\d+\.\d+)\./.exec(text)?.[1] ?? '';
        counts.set(id, (counts.get(id) ?? 0) + 1);
      }
      after = entries.at(-1)?.id;
      hasMore = entries.length > 0;
    }
    await engine.release(lease);
  }
  const ids = [...counts];
  return {
    whole: new Set(ids.filter(([, count]) => count === 10).map(([id]) => id)),
    part: new Set(ids.filter(([, count]) => count !== 10).map(([id]) => id)),
  };
}

/** Kills Redis while events are appended. @param lives milliseconds after which it is killed each time. */
async function killed(appendfsync: string, lives: readonly number[]) {
  const redis = await server({ appendfsync });
  const engine = await relay.engine({ url: redis.url, partitions: 2 });
  const requests = appending(engine, 2);
  const deaths: { readonly killed: number; readonly ended: number }[] = [];
  for (const life of lives) {
    await requests.goOn(life);
    const killed = performance.now();
    await redis.kill();
    deaths.push({ killed, ended: performance.now() });
    await new Promise((resolve) => setTimeout(resolve, 100));
    await redis.restart();
    await until('it is used again', async () => (await engine.heartbeat().catch(() => 0)) > 0);
  }
  const { stored, failed } = await requests.stop();
  expect(stored.size).toBeGreaterThan(10);
  const { whole, part } = await requestsIn(engine);
  expect(await engine.backlog(name)).toMatchObject({ events: whole.size * 10 });
  const missing = [...stored].filter(([id]) => !whole.has(id));
  /** How many milliseconds before its end Redis had answered what is missing. */
  const missingFor = missing.map(([id, time]) => {
    const death = deaths.find(({ ended }) => ended >= time);
    if (death === undefined)
      throw new Error(`${id} is missing, and Redis has not been killed since it was stored`);
    return Math.max(0, death.killed - time);
  });
  return { failed, missingFor, part };
}

describe('a Redis that is killed', () => {
  it('has all that was answered with appendfsync always, and never a part of a request', async () => {
    const { failed, missingFor, part } = await killed('always', [300, 300, 300]);
    expect(failed.length).toBeGreaterThan(0);
    expect(part).toEqual(new Set());
    expect(missingFor).toEqual([]);
  });

  it('has all but the last two seconds with appendfsync everysec, and no part of a request', async () => {
    const { missingFor, part } = await killed('everysec', [300, 3_200]);
    expect(part).toEqual(new Set());
    expect(missingFor.filter((time) => time > 2_500)).toEqual([]);
  });

  it('delivers everything that it has answered, with a drain at work', async () => {
    const redis = await server();
    const engine = await relay.engine({ url: redis.url, partitions: 2 });
    relay.drain(engine);
    const requests = appending(engine);
    for (let death = 0; death < 3; death++) {
      await requests.goOn(400);
      await redis.kill();
      await redis.restart();
    }
    const { stored } = await requests.stop();
    await emptied(engine, 20_000);
    const arrived = new Set(await relay.api.messageIds());
    const missing = [...stored.keys()].flatMap((id) =>
      [0, 1].flatMap((partition) =>
        [0, 1, 2, 3, 4]
          .map((index) => `${id}.${partition}-${index}`)
          .filter((messageId) => !arrived.has(messageId)),
      ),
    );
    expect(stored.size).toBeGreaterThan(10);
    expect(missing).toEqual([]);
  });
});

describe('a Redis that is frozen', () => {
  it('fails what is asked in time, and executes little of it later', async () => {
    const redis = await server();
    const engine = await relay.engine({ url: redis.url });
    redis.freeze();
    let failed = 0;
    const end = performance.now() + 8_000;
    const ask = async (client: number): Promise<void> => {
      while (performance.now() < end) {
        await expect(
          engine.append(name, [{ partition: 0, texts: texts(`f${client}`, 1) }]),
        ).rejects.toThrow();
        failed++;
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    };
    await Promise.all(Array.from({ length: 10 }, (_, client) => ask(client)));
    redis.thaw();
    await until('it stores events again', () => isStored(engine, texts('after', 1)));
    const { events } = await engine.backlog(name);
    expect(failed).toBeGreaterThan(500);
    // Only what was sent before the connection was given up: two for each of the ten.
    expect(events).toBeLessThanOrEqual(21);
  });

  it('loses the leases of a drain, which goes on when it is back', async () => {
    const redis = await server();
    const engine = await relay.engine({ url: redis.url, leaseDuration: 1_000 });
    await relay.api.behave({ type: 'ok', delayMs: 300 });
    const { told } = relay.drain(engine);
    await until('it holds the partition', () =>
      told.some(([what, , count]) => what === 'leases' && count === 1),
    );
    await store(engine, texts('a', 10));
    redis.freeze();
    await until('the lease is lost', () => told.findLast(([what]) => what === 'leases')?.[2] === 0);
    redis.thaw();
    await relay.api.waitFor({ events: 10, timeoutMs: 15_000 });
    await emptied(engine);
    expect(new Set(await relay.api.messageIds()).size).toBe(10);
  });
});

describe('a replica that takes over', () => {
  it('delivers what it has, although it is behind what was removed', async () => {
    const primary = await server();
    const replica = await server({ replicaof: `127.0.0.1 ${primary.port}` });
    const address = new MovableAddress(primary.port);
    cleanup.push(() => address.close());
    // The lease survives the failover, so that nothing makes the relay start anew.
    const engine = await relay.engine({ url: await address.listen(), leaseDuration: 30_000 });
    const look = replica.client();
    relay.drain(engine);
    await until('the replica follows', async () =>
      (await look.info('replication')).includes('link_status:up'),
    );
    await store(engine, texts('a', 10));
    await relay.api.waitFor({ events: 10 });
    await emptied(engine);
    // The replica knows nothing of the next event, which has a later id than anything that is stored after it.
    await look.replicaof('NO', 'ONE');
    await primary
      .client()
      .xadd(`offthread:{${name}}:0`, `${Date.now() + 3_600_000}-0`, 'n', 1, 'e', texts('b', 1)[0] ?? '');
    await relay.api.waitFor({ events: 11 });
    await primary.kill();
    address.moveTo(replica.port);
    await until('it stores events', () => isStored(engine, texts('c', 10)));
    await relay.api.waitFor({ events: 21, timeoutMs: 15_000 });
    await emptied(engine);
    expect(new Set(await relay.api.messageIds())).toEqual(
      new Set(['b-0', ...Array.from({ length: 10 }, (_, index) => [`a-${index}`, `c-${index}`]).flat()]),
    );
  });

  it('is waited for if that is asked', async () => {
    const primary = await server();
    const wait = { url: primary.url, waitReplicas: 1, partitions: 2 };
    // One waits for as long as a command may take, and one only until it is clear that nobody answers.
    const patient = await relay.engine({ ...wait, waitDuration: 2_800 });
    const impatient = await relay.engine({ ...wait, waitDuration: 300 });
    const append = (by: Engine) => by.append(name, [{ partition: 0, texts: texts('a', 1) }]);
    await expect(append(impatient)).rejects.toThrow('fewer than 1 replicas follow Redis');
    expect(await impatient.obstacle()).toBe('fewer than 1 replicas follow Redis');
    // Otherwise each attempt of a client would store its events once more.
    expect(await impatient.backlog(name)).toMatchObject({ events: 0 });
    const replica = await server({ replicaof: `127.0.0.1 ${primary.port}` });
    const look = replica.client();
    // For a moment after it says that it follows, it confirms nothing.
    await until('it stores events', () => isStored(patient, texts('b', 1)));
    expect(await Promise.all(Array.from({ length: 50 }, () => append(patient)))).toEqual(
      Array.from({ length: 50 }, () => ({ type: 'stored' })),
    );
    expect(await patient.obstacle()).toBeUndefined();
    await until('it stores events', () => isStored(impatient, texts('b', 1)));
    const before = (await impatient.backlog(name)).events;
    replica.freeze();
    // It has what is being stored when the replica stops, and nothing after that.
    for (let attempt = 0; attempt < 3; attempt++)
      await expect(append(impatient)).rejects.toThrow('fewer than 1');
    expect(await impatient.backlog(name)).toMatchObject({ events: before + 1 });
    // A relay that delivers keeps its leases while it waits: it has another connection for that.
    const lease = await acquired(patient);
    const waiting = append(patient);
    for (let renewal = 0; renewal < 10; renewal++) {
      expect(await Promise.race([patient.renew(lease), waiting])).toBe(true);
    }
    replica.thaw();
    expect(await waiting).toEqual({ type: 'stored' });
    await patient.release(lease);
    const requests = appending(patient);
    await requests.goOn(500);
    await primary.kill();
    await look.replicaof('NO', 'ONE');
    const { stored } = await requests.stop();
    const promoted = await relay.engine({ url: replica.url, partitions: 2 });
    const { whole } = await requestsIn(promoted);
    expect(stored.size).toBeGreaterThan(10);
    expect([...stored.keys()].filter((id) => !whole.has(id))).toEqual([]);
  });
});

describe('a relay that is cut off from Redis', () => {
  it('is replaced by another one, and takes part again when it is back', async () => {
    const address = new MovableAddress(relay.redis.port);
    cleanup.push(() => address.close());
    const cut = await relay.engine({ url: await address.listen(), partitions: 2, leaseDuration: 2_000 });
    const other = await relay.engine({ partitions: 2 });
    const drains = [relay.drain(cut), relay.drain(other)] as const;
    const held = (index: 0 | 1) => drains[index].told.findLast(([what]) => what === 'leases')?.[2];
    await until('each holds a partition', () => held(0) === 1 && held(1) === 1);
    address.moveTo(1);
    await store(other, texts('a', 100), 0);
    await store(other, texts('b', 100), 1);
    await until('it has lost its partition', () => held(0) === 0);
    await relay.api.waitFor({ events: 200, timeoutMs: 15_000 });
    await emptied(other);
    expect((await relay.api.counts()).duplicates).toBe(0);
    expect(held(1)).toBe(2);
    await expect(cut.append(name, [{ partition: 0, texts: texts('c', 1) }])).rejects.toThrow(
      EngineUnavailableError,
    );
    address.moveTo(relay.redis.port);
    await until('each holds a partition again', () => held(0) === 1 && held(1) === 1);
    await store(cut, texts('c', 1));
    await emptied(other);
  });
});

describe('a Redis that is emptied', () => {
  it('is used again, with leases that are acquired anew', async () => {
    const engine = await relay.engine({ leaseDuration: 2_000 });
    const { told } = relay.drain(engine);
    await store(engine, texts('a', 10));
    await relay.api.waitFor({ events: 10 });
    await relay.redis.client().flushall();
    await until('the lease is lost', () => told.some(([what, , count]) => what === 'leases' && count === 0));
    await store(engine, texts('b', 10));
    await relay.api.waitFor({ events: 20, timeoutMs: 15_000 });
    await emptied(engine);
  });
});
