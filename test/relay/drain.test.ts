import { describe, expect, it, vi } from 'vitest';
import { drainCases } from '../helpers/drain-cases.js';
import { emptied, SOURCE, store, texts, until } from '../helpers/drains.js';
import { withRelay } from '../helpers/redis-relay.js';

const relay = withRelay();
const { name } = SOURCE;

describe('Drain on Redis', () => {
  drainCases(relay, () => relay.engine());

  it('keeps all relays of a source from sending for as long as the API asks', async () => {
    const [one, other] = [await relay.engine({ partitions: 2 }), await relay.engine({ partitions: 2 })];
    const [first, second] = [relay.drain(one), relay.drain(other)];
    await until('each holds a partition', () =>
      [first, second].every(({ told }) => told.findLast(([what]) => what === 'leases')?.[2] === 1),
    );
    await relay.api.script([{ type: 'answer', status: 429, headers: { 'retry-after': '60' } }]);
    await store(one, texts('a', 10), 0);
    await relay.api.waitFor({ requests: 1 });
    await until('the hold is set', async () => (await one.hold(name)) > 0);
    expect(await one.hold(name)).toBeGreaterThan(30_000);
    await store(one, texts('b', 10), 1);
    // The rest of it, as Redis itself is told.
    const start = Date.now();
    await relay.redis.client().pexpire(`offthread:{${name}}:hold`, 2_000);
    await relay.api.waitFor({ events: 20, timeoutMs: 20_000 });
    const [, ...rest] = await relay.api.requests();
    expect(rest).toHaveLength(2);
    for (const { receivedAt } of rest) expect(Date.parse(receivedAt) - start).toBeGreaterThan(1_900);
  });

  it('stops sending and removes nothing when another relay has its lease', async () => {
    // It is renewed every 1.5 s.
    const engine = await relay.engine({ leaseDuration: 6_000 });
    const renew = vi.spyOn(engine, 'renew');
    await relay.api.behave({ type: 'hang' });
    await store(engine, texts('a', 10));
    const { told } = relay.drain(engine);
    await until('a request is out', async () => (await relay.api.counts()).connections > 0);
    const client = relay.redis.client();
    await client.set(`offthread:{${name}}:lease:0`, 'another 1', 'PX', 60_000);
    const isAborted = async () => (await relay.api.counts()).connections === 0;
    await until('its request is aborted', isAborted);
    expect(told.at(-1)).toEqual(['leases', name, 0]);
    // By the first answer that the lease is another relay's, and not because it would have expired by now.
    const renewals = await Promise.all(renew.mock.results.map(({ value }) => value));
    expect(renewals.filter((isMine) => !isMine)).toHaveLength(1);
    expect(await engine.backlog(name)).toMatchObject({ events: 10 });
    expect(await client.get(`offthread:{${name}}:lease:0`)).toBe('another 1');
  });

  it('empties a Redis that is out of memory', async () => {
    const engine = await relay.engine();
    await store(engine, texts('a', 1_000));
    await relay.redis.client().config('SET', 'maxmemory', '1');
    relay.drain(engine);
    await relay.api.waitFor({ events: 1_000 });
    await emptied(engine);
  });

  it('shares the partitions with the other relays', async () => {
    const engines = [await relay.engine({ partitions: 4 }), await relay.engine({ partitions: 4 })];
    const drains = engines.map((engine) => relay.drain(engine));
    const held = (index: number) => drains[index]?.told.findLast(([what]) => what === 'leases')?.[2];
    await until('each holds two', () => held(0) === 2 && held(1) === 2);
    await drains[0]?.drain.stop();
    await engines[0]?.close();
    await until('the other holds all', () => held(1) === 4);
    const third = await relay.engine({ partitions: 4 });
    drains[0] = relay.drain(third);
    await until('each holds two again', () => held(0) === 2 && held(1) === 2);
  });

  it('holds all partitions of its sources beside relays that have others', async () => {
    const other = { name: '1'.repeat(32), writeKey: 'other' };
    const mine = await relay.engine({ partitions: 4 });
    const theirs = await relay.engine({ partitions: 4, sources: [other.name] });
    const drains = [relay.drain(mine), relay.drain(theirs, { sources: [other] })];
    await until('each holds the partitions of its source', () =>
      drains.every(({ told }) => told.findLast(([what]) => what === 'leases')?.[2] === 4),
    );
    // It looks once a second, and would give some back.
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    for (const { told } of drains) expect(told.findLast(([what]) => what === 'leases')?.[2]).toBe(4);
  });

  it('keeps the trouble of one source from the others', async () => {
    const sources = ['refused', 'limited', 'well'].map((writeKey, index) => ({
      name: String(index).repeat(32),
      writeKey,
    }));
    const engine = await relay.engine({ sources: sources.map((source) => source.name) });
    const limited = { type: 'answer', status: 429, headers: { 'retry-after': '60' } } as const;
    await relay.api.rules([
      { match: { writeKey: 'refused' }, behaviour: { type: 'answer', status: 401 } },
      { match: { writeKey: 'limited' }, behaviour: limited },
    ]);
    const { told } = relay.drain(engine, { sources });
    for (let round = 0; round < 3; round++) {
      for (const source of sources) {
        await engine.append(source.name, [{ partition: 0, texts: texts(`${source.writeKey}-${round}`, 10) }]);
      }
      await relay.api.waitFor({ events: 10 * (round + 1) });
    }
    expect((await relay.api.messageIds()).every((id) => id.startsWith('well'))).toBe(true);
    expect(told).toContainEqual(['pause', sources[0]?.name, 'rejected']);
    expect(told.filter(([what, , status]) => what === 'request' && status === 429)).toHaveLength(1);
    const waiting = await Promise.all(
      sources.map(async (source) => (await engine.backlog(source.name)).events),
    );
    expect(waiting.slice(0, 2)).toEqual([30, 30]);
  });

  it('gives up partitions that it has lost while they wait for others', async () => {
    const partitions = 40;
    // They are renewed every second.
    const engine = await relay.engine({ partitions, leaseDuration: 4_000 });
    await relay.api.behave({ type: 'hang' });
    for (let partition = 0; partition < partitions; partition++) {
      await store(engine, texts(`partition ${partition}`, 1), partition);
    }
    const { told } = relay.drain(engine, { requestTimeout: 20_000 });
    const held = () => told.findLast(([what]) => what === 'leases')?.[2];
    await until('it holds all', () => held() === partitions);
    // It has 32 batches in memory at most.
    await until('it sends for 32', async () => (await relay.api.counts()).requests === 32);
    const sent = new Set((await relay.api.requests()).map(({ messageIds }) => messageIds[0]));
    const client = relay.redis.client();
    for (let partition = 0; partition < partitions; partition++) {
      if (sent.has(`partition ${partition}-0`)) continue;
      await client.set(`offthread:{${name}}:lease:${partition}`, 'another 1', 'PX', 60_000);
    }
    expect(sent.size).toBe(32);
    await until('it holds the others', () => held() === 32);
    await relay.api.reset();
  });

  it('lets no number of partitions that fail keep the others waiting', async () => {
    const sources = ['sick', 'well'].map((writeKey, index) => ({ name: String(index).repeat(32), writeKey }));
    const [sick, well] = sources.map((source) => source.name) as [string, string];
    const partitions = 40;
    const engine = await relay.engine({ partitions, sources: [sick, well] });
    await relay.api.rules([{ match: { writeKey: 'sick' }, behaviour: { type: 'answer', status: 503 } }]);
    const events = Array.from({ length: partitions }, (_, partition) => ({
      partition,
      texts: texts('a', 1),
    }));
    await engine.append(sick, events);
    relay.drain(engine, { sources });
    await relay.api.waitFor({ requests: 2 * partitions, timeoutMs: 20_000 });
    await engine.append(well, events);
    await relay.api.waitFor({ events: partitions, timeoutMs: 10_000 });
    expect((await engine.backlog(sick)).events).toBe(partitions);
  });
});
