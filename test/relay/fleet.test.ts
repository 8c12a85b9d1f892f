import { describe, expect, it } from 'vitest';
import type { Engine } from '../../packages/relay/src/engine/engine.js';
import { type DrainProcess, withDrainProcesses } from '../helpers/drain-process.js';
import { emptied, SOURCE, store, texts, until } from '../helpers/drains.js';
import { withRelay } from '../helpers/redis-relay.js';
import { FACTOR } from '../helpers/torture.js';

const relay = withRelay();
const startProcess = withDrainProcesses();
const { name } = SOURCE;

/** Milliseconds. The leases of relays that are killed or stopped end soon. */
const SHORT_LEASE = 1_500;

/** No lease ends because a relay had to wait for the machine. */
const LONG_LEASE = 60_000;

let started = 0;

function start(
  partitions: number,
  { lease: leaseDuration = LONG_LEASE, poison }: { lease?: number; poison?: string } = {},
): DrainProcess & { userAgent: string } {
  started++;
  const userAgent = `drain-${started}`;
  const drain = startProcess({
    engine: {
      ...{ partitions, maxBytes: 100_000_000, leaseDuration, sources: [name] },
      url: relay.redis.url,
      relayId: userAgent,
    },
    drain: { sources: [SOURCE], url: `${relay.api.url}/v1/batch`, userAgent },
    poison,
  });
  return Object.assign(drain, { userAgent });
}

const USERS = 40;
const PARTITIONS = 4;

/** Stores numbered events of 40 users in 4 partitions, until it is told to stop. Returns how many each user has. */
function users(engine: Engine): { stop(): Promise<number> } {
  let count = 0;
  let isStopped = false;
  const run = async (): Promise<void> => {
    while (!isStopped) {
      const events = Array.from({ length: PARTITIONS }, (_, partition) => ({
        partition,
        texts: Array.from({ length: USERS / PARTITIONS }, (_, index) => {
          const user = index * PARTITIONS + partition;
          return `{"type":"track","event":"Numbered","userId":"${user}","messageId":"${user}:${count}"}`;
        }),
      }));
      count++;
      expect(await engine.append(name, events)).toEqual({ type: 'stored' });
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
  const ended = run();
  return {
    async stop() {
      isStopped = true;
      await ended;
      return count;
    },
  };
}

/** The messageIds of events that didn't arrive, and of those that a later one overtook. */
async function checkUsers(count: number): Promise<{ missing: string[]; overtaken: string[] }> {
  const last = new Map<string, number>();
  const arrived = new Set<string>();
  const overtaken: string[] = [];
  for (const id of await relay.api.messageIds()) {
    if (arrived.has(id)) continue;
    arrived.add(id);
    const [user = '', number = ''] = id.split(':');
    if (Number(number) < (last.get(user) ?? 0)) overtaken.push(id);
    last.set(user, Number(number));
  }
  const missing: string[] = [];
  for (let user = 0; user < USERS; user++) {
    for (let number = 0; number < count; number++) {
      const id = `${user}:${number}`;
      if (!arrived.has(id)) missing.push(id);
    }
  }
  return { missing, overtaken };
}

describe('a fleet', () => {
  it('delivers the events of each user in order, by two relays', async () => {
    const engine = await relay.engine({ partitions: PARTITIONS });
    await relay.api.behave({ type: 'ok', delayMs: 20 });
    const relays = [start(PARTITIONS), start(PARTITIONS)];
    await until('each holds two partitions', () => relays.every(({ leases }) => leases === 2));
    const all = users(engine);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    const count = await all.stop();
    await emptied(engine);
    expect(await checkUsers(count)).toEqual({ missing: [], overtaken: [] });
    const counts = await relay.api.counts();
    expect(counts.duplicates).toBe(0);
    expect(counts.events).toBe(count * USERS);
    const agents = new Set((await relay.api.requests()).map(({ headers }) => headers['user-agent']));
    expect(agents).toEqual(new Set(relays.map(({ userAgent }) => userAgent)));
  });

  const long = { timeout: FACTOR * 90_000 };
  it('loses nothing and keeps the order of each user while its relays are killed', long, async () => {
    const engine = await relay.engine({ partitions: PARTITIONS });
    // Requests are 200 ms apart, so that most of the time one is out.
    await relay.api.behave({ type: 'ok', delayMs: 150 });
    const startOne = () => start(PARTITIONS, { lease: SHORT_LEASE });
    const relays = [startOne(), startOne()];
    await until('both are at work', () => relays.every(({ leases }) => leases > 0));
    const all = users(engine);
    let atWork = 0;
    for (let death = 0; death < 8 * FACTOR; death++) {
      await new Promise((resolve) => setTimeout(resolve, 400 + 37 * (death % 8)));
      if ((relays[death % 2]?.leases ?? 0) > 0) atWork++;
      await relays[death % 2]?.kill();
      relays[death % 2] = startOne();
    }
    const count = await all.stop();
    await emptied(engine, 60_000);
    expect(atWork).toBeGreaterThan(FACTOR);
    // Of few kills, none may have been while a request was out.
    if (FACTOR > 1) expect((await relay.api.counts()).duplicates).toBeGreaterThan(0);
    expect(await checkUsers(count)).toEqual({ missing: [], overtaken: [] });
  });

  it('replaces a relay that is stopped for longer than its lease, which then sends and removes nothing', async () => {
    const engine = await relay.engine();
    await relay.api.behave({ type: 'ok', delayMs: 300 });
    const stopped = start(1, { lease: SHORT_LEASE });
    await until('it holds the partition', () => stopped.leases === 1);
    await store(engine, texts('a', 100));
    // Not only a connection: a request that was allowed may still be written when it goes on.
    const isOut = async () => (await relay.api.counts()).maxConcurrentByWriteKey['KEY'] === 1;
    await until('a request is out', isOut);
    stopped.signal('SIGSTOP');
    const other = start(1);
    await until('the other holds the partition', () => other.leases === 1);
    await store(engine, texts('b', 5_000));
    await until('the other sends', async () => (await relay.api.counts()).events > 1_000);
    const sent = async (): Promise<number> =>
      (await relay.api.requests()).filter(({ headers }) => headers['user-agent'] === stopped.userAgent)
        .length;
    const before = await sent();
    stopped.signal('SIGCONT');
    await until('it knows that it holds nothing', () => stopped.leases === 0);
    await emptied(engine);
    expect(await sent()).toBe(before);
    expect(new Set(await relay.api.messageIds()).size).toBe(5_100);
    // It is well, and takes over.
    await other.kill();
    await relay.redis.client().del(`offthread:{${name}}:lease:0`);
    await store(engine, texts('c', 10));
    await until('it sends again', async () => (await sent()) > before, 20_000);
    await emptied(engine);
  }, 60_000);

  it('goes on by another relay when one is killed while Redis is out of memory', async () => {
    const engine = await relay.engine();
    await relay.api.script([{ type: 'ok' }, { type: 'hang' }]);
    await store(engine, texts('a', 5_000));
    const first = start(1, { lease: SHORT_LEASE });
    await relay.api.waitFor({ requests: 2, timeoutMs: 20_000 });
    await relay.redis.client().config('SET', 'maxmemory', '1');
    await first.kill();
    expect((await engine.backlog(name)).events).toBeGreaterThan(2_000);
    await until('its lease has expired', async () => (await engine.holders(name))[0] === undefined);
    const second = start(1);
    await until('the other holds the partition', () => second.leases === 1);
    await emptied(engine);
    expect(new Set(await relay.api.messageIds()).size).toBe(5_000);
  });

  it('gives its partitions back on SIGTERM, so that another relay goes on at once', async () => {
    const engine = await relay.engine({ partitions: 2 });
    const first = start(2);
    await until('it holds all', () => first.leases === 2);
    first.signal('SIGTERM');
    await first.ended;
    expect(first.exitCode).toBe(0);
    expect(await engine.holders(name)).toEqual([undefined, undefined]);
    expect(await engine.heartbeat()).toBe(1);
  });

  it('finds the entry that ends its relays, and delivers all others', async () => {
    const engine = await relay.engine({ partitions: 2 });
    await relay.api.behave({ type: 'ok', delayMs: 100 });
    await store(engine, texts('a', 250), 0);
    await store(engine, texts('poison', 1), 0);
    await store(engine, texts('b', 250), 0);
    await store(engine, texts('c', 250), 1);
    const client = relay.redis.client();
    let deaths = -1;
    for (let waiting = 751; waiting > 0; ) {
      // The one before has ended, so that there is no need to wait until its leases expire.
      await client.del(`offthread:{${name}}:lease:0`, `offthread:{${name}}:lease:1`);
      const drain = start(2, { poison: '"poison-0"' });
      deaths++;
      await until('it has ended, or nothing waits', async () => {
        waiting = (await engine.backlog(name)).events;
        return drain.hasEnded || waiting === 0;
      });
    }
    expect(deaths).toBeGreaterThanOrEqual(5);
    expect(deaths).toBeLessThan(8);
    const letters = await engine.deadLetters(name);
    expect(letters.map(({ text }) => text)).toEqual(texts('poison', 1));
    expect(new Set(await relay.api.messageIds()).size).toBe(750);
  }, 60_000);
});
