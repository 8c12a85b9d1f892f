import { createServer } from 'node:net';
import type { Logger } from 'pino';
import { describe, expect, it } from 'vitest';
import { EngineUnavailableError } from '../../packages/relay/src/engine/engine.js';
import { examineRedis } from '../../packages/relay/src/engine/redis/doctor.js';
import { acquired, SOURCE, store, texts, until } from '../helpers/drains.js';
import { RedisServer } from '../helpers/redis.js';
import { withRelay } from '../helpers/redis-relay.js';

const relay = withRelay();
const { name } = SOURCE;

/** Makes Redis refuse all that needs memory. */
async function fillMemory(): Promise<void> {
  await relay.redis.client().config('SET', 'maxmemory', '1');
}

describe('append', () => {
  it('keeps the texts and their order', async () => {
    const engine = await relay.engine();
    const all = [
      ...texts('a', 250),
      '{"userId":"é\u2028😀","n":12345678901234567890.123456789,\n"line":"feed"}',
    ];
    await store(engine, all);
    const entries = await engine.read(await acquired(engine), undefined, 100);
    expect(entries.flatMap((entry) => entry.texts)).toEqual(all);
    expect(entries.map((entry) => entry.texts.length)).toEqual([100, 100, 51]);
    expect(entries.every(({ marks }) => marks === 0)).toBe(true);
  });

  it('puts at most 64 KB into an entry, and an event that is larger into one of its own', async () => {
    const engine = await relay.engine();
    const large = `{"userId":"${'x'.repeat(30_000)}"}`;
    await store(engine, [large, large, large, `{"userId":"${'x'.repeat(100_000)}"}`, large]);
    const entries = await engine.read(await acquired(engine), undefined, 100);
    expect(entries.map((entry) => entry.texts.length)).toEqual([2, 1, 1, 1]);
  });

  it('stores the events of all partitions or of none if the source is full', async () => {
    const engine = await relay.engine({ partitions: 3, maxBytes: 10_000 });
    const events = [0, 1, 2].map((partition) => ({ partition, texts: texts(`p${partition}`, 50) }));
    expect(await engine.append(name, events)).toEqual({ type: 'full' });
    expect(await engine.backlog(name)).toMatchObject({ events: 0, bytes: 0, oldest: undefined });
    expect(await relay.redis.client().keys(`offthread:{${name}}:*`)).toEqual([]);
    expect(await engine.append(name, events.slice(0, 1))).toEqual({ type: 'stored' });
  });

  it('stores the events of all partitions or of none if Redis is out of memory', async () => {
    const engine = await relay.engine({ partitions: 3 });
    const events = [0, 1, 2].map((partition) => ({ partition, texts: texts(`p${partition}`, 50) }));
    await fillMemory();
    await expect(engine.append(name, events)).rejects.toThrow(EngineUnavailableError);
    expect(await engine.backlog(name)).toMatchObject({ events: 0, bytes: 0 });
    await relay.redis.client().config('SET', 'maxmemory', '0');
    expect(await engine.append(name, events)).toEqual({ type: 'stored' });
    expect(await engine.backlog(name)).toMatchObject({ events: 150 });
  });

  it('has room again when events are removed, and counts dead letters as waiting', async () => {
    const engine = await relay.engine({ maxBytes: 25_000 });
    await store(engine, texts('a', 200));
    expect(await engine.append(name, [{ partition: 0, texts: texts('b', 50) }])).toEqual({ type: 'full' });
    const lease = await acquired(engine);
    const [first, second] = await engine.read(lease, undefined, 10);
    const dead = { text: 'x'.repeat(2_000), code: 'rejected', message: '' };
    await engine.remove(lease, { ids: [first?.id ?? ''], delivered: 100, deadLetters: [dead] });
    const { bytes } = await engine.backlog(name);
    expect(bytes).toBe(Buffer.byteLength(second?.texts.join(' ') ?? '') + 2_000);
    await store(engine, texts('b', 50));
  });

  it('counts events and bytes, and tells when the oldest was stored', async () => {
    const engine = await relay.engine({ partitions: 2 });
    const before = Date.now();
    await store(engine, texts('a', 150), 0);
    await store(engine, texts('b', 10), 1);
    const { events, bytes, oldest = 0 } = await engine.backlog(name);
    expect(events).toBe(160);
    expect(bytes).toBeGreaterThan(Buffer.byteLength(texts('a', 150).join('')));
    expect(oldest).toBeGreaterThanOrEqual(before - 1);
    expect(oldest).toBeLessThanOrEqual(Date.now() + 1);
  });

  it('keeps sources apart', async () => {
    const engine = await relay.engine();
    await store(engine, texts('a', 3));
    expect(await engine.backlog('other')).toMatchObject({ events: 0 });
  });
});

describe('read', () => {
  it('returns what one request carries', async () => {
    const engine = await relay.engine();
    await store(engine, texts('a', 3_000));
    const lease = await acquired(engine);
    const entries = await engine.read(lease, undefined, 2_500);
    const events = entries.flatMap((entry) => entry.texts);
    expect(events.length).toBeLessThanOrEqual(2_500);
    expect(events.length).toBeGreaterThan(2_300);
    expect(await engine.read(lease, undefined, 2)).toHaveLength(2);
    const large = `{"userId":"${'x'.repeat(600_000)}"}`;
    await engine.append('large', [{ partition: 0, texts: [large, large] }]);
    expect(await engine.read({ ...lease, source: 'large' }, undefined, 10)).toHaveLength(1);
  });

  it('goes on after an entry', async () => {
    const engine = await relay.engine();
    await store(engine, texts('a', 300));
    const lease = await acquired(engine);
    const [first] = await engine.read(lease, undefined, 1);
    const rest = await engine.read(lease, first?.id, 10);
    expect(rest.flatMap((entry) => entry.texts)).toEqual(texts('a', 300).slice(100));
  });

  it('corrects the counters if somebody has deleted the events', async () => {
    const engine = await relay.engine({ maxBytes: 30_000 });
    await store(engine, texts('a', 200));
    await relay.redis.client().del(`offthread:{${name}}:0`);
    expect(await engine.append(name, [{ partition: 0, texts: texts('b', 100) }])).toEqual({ type: 'full' });
    expect(await engine.read(await acquired(engine), undefined, 10)).toEqual([]);
    await store(engine, texts('b', 100));
  });
});

describe('leases', () => {
  it('are held by one relay at a time', async () => {
    const [one, other] = [await relay.engine(), await relay.engine()];
    const lease = await acquired(one);
    expect(await other.acquire(name, 0)).toBeUndefined();
    expect(await other.holders(name)).toEqual([expect.stringMatching(/^relay-\d+$/)]);
    await one.release(lease);
    expect(await other.holders(name)).toEqual([undefined]);
    expect(await other.acquire(name, 0)).toBeDefined();
  });

  it('expire unless they are renewed', async () => {
    // Redis itself is told how much time is left, so that nothing depends on how fast this process runs.
    const [one, other] = [await relay.engine(), await relay.engine()];
    const client = relay.redis.client();
    const key = `offthread:{${name}}:lease:0`;
    const lease = await acquired(one);
    expect(await client.pttl(key)).toBeGreaterThan(30_000);
    await client.pexpire(key, 20_000);
    expect(await one.renew(lease)).toBe(true);
    expect(await client.pttl(key)).toBeGreaterThan(30_000);
    expect(await other.acquire(name, 0)).toBeUndefined();
    await client.pexpire(key, 1);
    let taken: unknown;
    await until('it has expired', async () => {
      taken = await other.acquire(name, 0);
      return taken !== undefined;
    });
    expect(await one.renew(lease)).toBe(false);
  });

  it("can't be renewed or released by a relay that has lost them", async () => {
    const [one, other] = [await relay.engine(), await relay.engine()];
    const lost = await acquired(one);
    await relay.redis.client().del(`offthread:{${name}}:lease:0`);
    const lease = await acquired(other);
    expect(await one.renew(lost)).toBe(false);
    expect(await one.mark(lost, ['1-1/1/1'])).toBe(false);
    await one.release(lost);
    expect(await other.renew(lease)).toBe(true);
  });

  it('can be acquired, renewed and released while Redis is out of memory', async () => {
    const engine = await relay.engine();
    await fillMemory();
    const lease = await acquired(engine);
    expect(await engine.renew(lease)).toBe(true);
    await engine.release(lease);
    expect(await engine.heartbeat()).toBe(1);
    expect(await engine.hold(name, 5_000)).toBeGreaterThan(4_900);
  });
});

describe('remove', () => {
  it('removes exactly the given entries', async () => {
    const engine = await relay.engine();
    await store(engine, texts('a', 300));
    const lease = await acquired(engine);
    const [first, second, third] = await engine.read(lease, undefined, 10);
    const ids = [first?.id ?? '', third?.id ?? ''];
    expect(await engine.remove(lease, { ids, delivered: 200, deadLetters: [] })).toBe(true);
    expect(await engine.read(lease, undefined, 10)).toEqual([second]);
    expect(await engine.backlog(name)).toMatchObject({ events: 100 });
  });

  it('does nothing if the lease is lost', async () => {
    const [one, other] = [await relay.engine(), await relay.engine()];
    await store(one, texts('a', 10));
    const lost = await acquired(one);
    const ids = (await one.read(lost, undefined, 10)).map(({ id }) => id);
    await relay.redis.client().del(`offthread:{${name}}:lease:0`);
    const dead = { text: '{}', code: 'rejected', message: '' };
    expect(await one.remove(lost, { ids, delivered: 9, deadLetters: [dead] })).toBe(false);
    await acquired(other);
    expect(await one.remove(lost, { ids, delivered: 9, deadLetters: [dead] })).toBe(false);
    expect(await other.backlog(name)).toMatchObject({ events: 10, deadLetters: 0 });
  });

  it('can be repeated after an answer that was lost', async () => {
    const engine = await relay.engine();
    await store(engine, texts('a', 200));
    const lease = await acquired(engine);
    const [first] = await engine.read(lease, undefined, 1);
    const dead = { text: '{}', code: 'rejected', message: 'no', status: 400 };
    const removal = { ids: [first?.id ?? ''], delivered: 99, deadLetters: [dead] };
    expect(await engine.remove(lease, removal)).toBe(true);
    expect(await engine.remove(lease, removal)).toBe(true);
    expect(await engine.backlog(name)).toMatchObject({ events: 100, deadLetters: 1 });
  });

  it('works while Redis is out of memory, with dead letters and marks', async () => {
    const engine = await relay.engine();
    await store(engine, texts('a', 200));
    await fillMemory();
    const lease = await acquired(engine);
    const ids = (await engine.read(lease, undefined, 10)).map(({ id }) => id);
    expect(await engine.mark(lease, ids)).toBe(true);
    const dead = { text: '{}', code: 'rejected', message: '' };
    expect(await engine.remove(lease, { ids, delivered: 199, deadLetters: [dead] })).toBe(true);
    expect(await engine.backlog(name)).toMatchObject({ events: 0, deadLetters: 1 });
  });
});

describe('marks', () => {
  it('are counted for each entry until they are removed', async () => {
    const engine = await relay.engine();
    await store(engine, texts('a', 200));
    const lease = await acquired(engine);
    const [first, second] = (await engine.read(lease, undefined, 10)).map(({ id }) => id);
    await engine.mark(lease, [first ?? '', second ?? '']);
    await engine.mark(lease, [second ?? '']);
    const marks = async () => (await engine.read(lease, undefined, 10)).map((entry) => entry.marks);
    expect(await marks()).toEqual([1, 2]);
    await engine.unmark(lease, [first ?? '']);
    expect(await marks()).toEqual([0, 2]);
    await engine.remove(lease, { ids: [second ?? ''], delivered: 100, deadLetters: [] });
    expect(await relay.redis.client().exists(`offthread:{${name}}:marks:0`)).toBe(0);
  });
});

describe('hold', () => {
  it('is seen by all relays, is never shortened, and ends', async () => {
    const [one, other] = [await relay.engine(), await relay.engine()];
    expect(await one.hold(name)).toBe(0);
    await one.hold(name, 60_000);
    await other.hold(name, 100);
    const left = await other.hold(name);
    expect(left).toBeGreaterThan(30_000);
    expect(left).toBeLessThanOrEqual(60_000);
    // Redis itself is told how much time is left, so that nothing depends on how fast this process runs.
    await relay.redis.client().pexpire(`offthread:{${name}}:hold`, 1);
    await until('it has ended', async () => (await other.hold(name)) === 0);
  });
});

describe('heartbeat', () => {
  it('counts the relays that are alive', async () => {
    const [one, other] = [await relay.engine(), await relay.engine()];
    expect(await one.heartbeat()).toBe(1);
    expect(await other.heartbeat()).toBe(2);
    await other.close();
    expect(await one.heartbeat()).toBe(1);
    const [key = ''] = await relay.redis.client().keys('offthread:{relays}:[0-9a-f]*');
    await relay.redis.client().zadd(key, Date.now() - 60_000, 'dead');
    expect(await one.heartbeat()).toBe(1);
  });

  it('does not count relays with other sources or partitions, which do not take its share', async () => {
    const one = await relay.engine({ sources: ['a', 'b'] });
    const others = [await relay.engine({ sources: ['c'] }), await relay.engine({ sources: ['a'] })];
    for (const other of others) expect(await other.heartbeat()).toBe(1);
    expect(await one.heartbeat()).toBe(1);
    expect(await (await relay.engine({ sources: ['b', 'a'] })).heartbeat()).toBe(2);
    expect(await (await relay.engine({ sources: ['b', 'a'], partitions: 2 })).heartbeat()).toBe(1);
  });
});

describe('dead letters', () => {
  it('are listed, and stored as events again', async () => {
    const engine = await relay.engine({ partitions: 2 });
    await store(engine, texts('a', 3), 1);
    const lease = await acquired(engine, 1);
    const [entry] = await engine.read(lease, undefined, 1);
    const deadLetters = texts('a', 2).map((text) => ({
      text,
      code: 'rejected',
      message: 'no',
      status: 400,
    }));
    await engine.remove(lease, { ids: [entry?.id ?? ''], delivered: 1, deadLetters });
    const listed = await engine.deadLetters(name);
    expect(listed).toMatchObject(deadLetters);
    expect(Math.abs((listed[0]?.time ?? 0) - Date.now())).toBeLessThan(60_000);
    expect(await engine.deadLetters(name, listed[0]?.id, 1)).toEqual(listed.slice(1));
    const ids = listed.map(({ id }) => id);
    expect(await engine.removeDeadLetters(name, ids)).toBe(2);
    expect(await engine.removeDeadLetters(name, ids)).toBe(0);
    const waiting = await engine.read(lease, undefined, 10);
    expect(waiting.flatMap((each) => each.texts)).toEqual(texts('a', 2));
    const bytes = Buffer.byteLength(texts('a', 2).join(''));
    expect(await engine.backlog(name)).toMatchObject({ events: 2, bytes, deadLetters: 0 });
  });

  it('are stored again in a partition that is read, if there were more when they were refused', async () => {
    const engine = await relay.engine({ partitions: 4 });
    await store(engine, texts('a', 1), 3);
    const lease = await acquired(engine, 3);
    const ids = (await engine.read(lease, undefined, 1)).map(({ id }) => id);
    const deadLetters = texts('a', 450).map((text) => ({ text, code: 'rejected', message: '' }));
    await engine.remove(lease, { ids, delivered: 0, deadLetters });
    const smaller = await relay.engine({ partitions: 2 });
    await store(smaller, texts('b', 1), 0);
    // A command looks at the partitions of all sources.
    const other = await relay.engine({ partitions: 4, sources: ['other'] });
    await other.append('other', [{ partition: 0, texts: ['{}'] }]);
    const command = await relay.engine({ partitions: 'kept', sources: [name, 'other'] });
    expect(command.partitions).toBe(4);
    const all = (await command.deadLetters(name, undefined, 1_000)).map(({ id }) => id);
    expect(await command.removeDeadLetters(name, all)).toBe(450);
    const waiting = await smaller.read(await acquired(smaller, 1), undefined, 1_000);
    expect(waiting.flatMap((entry) => entry.texts)).toEqual(texts('a', 450));
  });

  it('are bounded: the newest are refused and counted', async () => {
    const engine = await relay.engine({ maxDeadLetters: 3 });
    await store(engine, texts('a', 5));
    const lease = await acquired(engine);
    const [entry] = await engine.read(lease, undefined, 1);
    const deadLetters = texts('a', 5).map((text) => ({ text, code: 'rejected', message: '' }));
    await engine.remove(lease, { ids: [entry?.id ?? ''], delivered: 0, deadLetters });
    expect(await engine.backlog(name)).toMatchObject({ deadLetters: 3, deadLettersRefused: 2 });
    expect((await engine.deadLetters(name)).map(({ text }) => text)).toEqual(texts('a', 3));
  });
});

describe('the number of partitions', () => {
  it('is refused if it differs and events wait, and accepted when none do', async () => {
    const engine = await relay.engine({ partitions: 2 });
    await store(engine, texts('a', 3), 1);
    await expect(relay.engine({ partitions: 4 })).rejects.toThrow(
      `Events of source ${name} wait in 2 partitions; pass --partitions 2`,
    );
    const lease = await acquired(engine, 1);
    const ids = (await engine.read(lease, undefined, 10)).map(({ id }) => id);
    await engine.remove(lease, { ids, delivered: 3, deadLetters: [] });
    const larger = await relay.engine({ partitions: 4 });
    await store(larger, texts('b', 3), 3);
    expect((await relay.engine({ partitions: 'kept' })).partitions).toBe(4);
    // A relay of before may still run.
    await expect(engine.append(name, [{ partition: 1, texts: texts('c', 1) }])).rejects.toThrow(
      'events of a source wait in 4 partitions, and this relay has 2',
    );
    const held = await acquired(larger, 3);
    const rest = (await larger.read(held, undefined, 10)).map(({ id }) => id);
    await larger.remove(held, { ids: rest, delivered: 3, deadLetters: [] });
    await store(engine, texts('c', 1), 1);
  });
});

describe('a primary that has become a replica', () => {
  it.each([
    "READONLY You can't write against a read only replica. script: f1, on @user_script:4.",
    // Redis 6.2.
    "ERR Error running script (call to f_1): @user_script:4: @user_script: 4: -READONLY You can't write against a read only replica.",
  ])('is left for the one that its name stands for now: %s', async (reply) => {
    let connections = 0;
    const server = createServer((socket) => {
      connections++;
      socket.on('data', (bytes) => {
        const info = 'redis_version:6.2.14\r\nrole:master\r\naof_enabled:1\r\n';
        for (const [, command = ''] of bytes.toString().matchAll(/\*\d+\r\n\$\d+\r\n(\w+)/g)) {
          if (/^info$/i.test(command)) socket.write(`$${info.length}\r\n${info}\r\n`);
          else if (/^get$/i.test(command)) socket.write('$-1\r\n');
          else if (/^eval/i.test(command)) socket.write(`-${reply}\r\n`);
          else socket.write('+OK\r\n');
        }
      });
      socket.on('error', () => {});
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : 0;
    const engine = await relay.engine({ url: `redis://127.0.0.1:${port}` });
    expect(connections).toBe(2);
    await expect(engine.heartbeat()).rejects.toThrow(EngineUnavailableError);
    await until('it has connected anew', () => connections > 2, 5_000);
    await engine.close();
    server.close();
  });
});

describe('examineRedis', () => {
  it('has no warnings for a server that loses nothing', async () => {
    const found = await examineRedis(relay.redis);
    expect(found.map(({ level }) => level)).toEqual(['ok', 'ok', 'ok', 'ok']);
  });

  it('warns of what a server can lose', async () => {
    await using server = await disposable({
      appendonly: 'no',
      'maxmemory-policy': 'allkeys-lru',
    });
    const found = (await examineRedis(server)).filter(({ level }) => level === 'warning');
    expect(found.map(({ message }) => message)).toEqual([
      'appendonly is no: if Redis ends, all events since its last snapshot are lost',
      'maxmemory-policy is allkeys-lru: when memory is full, Redis deletes events that wait',
    ]);
    const logged: unknown[] = [];
    const log = { warn: (_: unknown, message: string) => logged.push(message) } as unknown as Logger;
    await relay.engine({ url: server.url, log });
    expect(logged).toEqual(found.map(({ message }) => message));
    await server.client().config('SET', 'appendonly', 'yes');
    await server.client().config('SET', 'appendfsync', 'everysec');
    await server.client().config('SET', 'maxmemory-policy', 'volatile-ttl');
    const later = (await examineRedis(server)).filter(({ level }) => level === 'warning');
    expect(later.map(({ message }) => message)).toEqual([
      'appendfsync is everysec: if Redis or its machine ends, up to 2 s of events can be lost',
      expect.stringContaining('Redis deletes leases'),
    ]);
    expect(later.every(({ remedy }) => remedy !== undefined)).toBe(true);
  });

  it('refuses a replica and a Redis that is too old', async () => {
    await using server = await disposable({ replicaof: `127.0.0.1 ${relay.redis.port}` });
    await expect(relay.engine({ url: server.url })).rejects.toThrow('This server is a replica');
    const old = createServer((socket) => {
      socket.on('data', (bytes) => {
        const info = 'redis_version:6.0.16\r\nrole:master\r\naof_enabled:1\r\n';
        for (const [, command = ''] of bytes.toString().matchAll(/\*\d+\r\n\$\d+\r\n(\w+)/g)) {
          socket.write(/^info$/i.test(command) ? `$${info.length}\r\n${info}\r\n` : '+OK\r\n');
        }
      });
      socket.on('error', () => {});
    });
    await new Promise<void>((resolve) => old.listen(0, '127.0.0.1', resolve));
    const address = old.address();
    const port = typeof address === 'object' ? address?.port : 0;
    await expect(relay.engine({ url: `redis://127.0.0.1:${port}` })).rejects.toThrow(
      'Redis 6.0.16 is too old. Use Redis 6.2 or later',
    );
    old.close();
  });

  it('says where Redis was expected, and never the password', async () => {
    const [missing] = await examineRedis({ url: 'redis://:secret-word@127.0.0.1:1' });
    expect(missing).toMatchObject({
      level: 'error',
      message: expect.stringContaining("Redis at 127.0.0.1:1 can't be used"),
    });
    await using server = await disposable({ requirepass: 'right-word' });
    const [refused] = await examineRedis({ url: server.url, password: 'wrong-word' });
    expect(refused).toMatchObject({ level: 'error', remedy: 'Set user name and password' });
    expect(JSON.stringify([missing, refused])).not.toMatch(/(secret|right|wrong)-word/);
    await expect(relay.engine({ url: server.url, password: 'wrong-word' })).rejects.toThrow(
      'Set user name and password',
    );
    for (const user of ['', 'default@', 'default:wrong-word@']) {
      const url = server.url.replace('redis://', `redis://${user}`);
      const engine = await relay.engine({ url, password: 'right-word' });
      await store(engine, texts('a', 1));
    }
    const odd = 'p%41 @:/?#é"';
    await using another = await disposable({});
    await another.client().acl('SETUSER', 'relay', 'on', `>${odd}`, '~*', '+@all');
    const url = another.url.replace('redis://', 'redis://relay@');
    expect(await (await relay.engine({ url, password: odd })).heartbeat()).toBe(1);
  });
});

async function disposable(
  settings: Record<string, string>,
): Promise<Pick<RedisServer, 'url' | 'client'> & AsyncDisposable> {
  const server = await RedisServer.start(settings);
  return {
    url: server.url,
    client: () => server.client(),
    [Symbol.asyncDispose]: () => server.close(),
  };
}
