// What a drain does on every engine. Used by drain.test.ts and drain-disk.test.ts.
import { expect, it } from 'vitest';
import type { Engine } from '../../packages/relay/src/engine/engine.js';
import { acquired, type DrainBench, emptied, SOURCE, store, texts, until } from './drains.js';

const { name } = SOURCE;
const unwell = { type: 'answer', status: 503, body: 'later' } as const;

/** @param open opens an engine with one partition. */
export function drainCases(relay: DrainBench, open: () => Promise<Engine>): void {
  it('delivers what is stored, in order, and removes it', async () => {
    const engine = await open();
    await store(engine, texts('a', 5_000));
    const { told } = relay.drain(engine);
    await relay.api.waitFor({ events: 5_000, timeoutMs: 15_000 });
    await store(engine, texts('b', 3));
    await relay.api.waitFor({ events: 5_003, timeoutMs: 15_000 });
    await emptied(engine);
    const ids = [...texts('a', 5_000), ...texts('b', 3)].map((text) => JSON.parse(text).messageId);
    expect(await relay.api.messageIds()).toEqual(ids);
    expect(told.filter(([what]) => what === 'delivered').reduce((sum, [, , n]) => sum + Number(n), 0)).toBe(
      5_003,
    );
    const { biggestBody, maxConcurrentByWriteKey } = await relay.api.counts();
    expect(biggestBody).toBeLessThanOrEqual(500_000);
    expect(maxConcurrentByWriteKey['KEY']).toBe(1);
  });

  it('sends each event digit by digit as it came', async () => {
    const engine = await open();
    const foreign = [
      '{"type":"track","userId":"u","event":"Paid","messageId":"m1","_metadata":{"bundled":[]},"channel":"server","properties":{"total":12345678901234567890.000000000000000001,"tiny":1e-400}}',
      '{ "type":"track",\n "userId":"u", "event":"\\u0041", "messageId":"m2", "a":1, "a":2 }',
    ];
    await store(engine, foreign);
    relay.drain(engine);
    await relay.api.waitFor({ events: 2 });
    const [first] = await relay.api.requests();
    const body = await relay.api.body(first?.sequence ?? 0);
    expect(body).toMatch(/^\{"batch":\[.*\],"sentAt":"[^"]+"\}$/s);
    for (const text of foreign) expect(body).toContain(text);
  });

  it('waits while the API fails, and gives no event up', async () => {
    const engine = await open();
    await relay.api.behave(unwell);
    await store(engine, texts('a', 200));
    const { told } = relay.drain(engine);
    await until('it was refused', () =>
      told.some(([what, , status]) => what === 'request' && status === 503),
    );
    await relay.api.stop();
    await until('the connection is refused', () => told.some((each) => each.includes('unreachable')));
    expect(await engine.backlog(name)).toMatchObject({ events: 200 });
    await relay.api.behave({ type: 'ok' });
    await relay.api.script([{ type: 'drop', after: 'body' }]);
    await relay.api.start();
    await relay.api.waitFor({ events: 200, timeoutMs: 20_000 });
    await emptied(engine);
    expect((await relay.api.counts()).duplicates).toBe(0);
    expect(await engine.backlog(name)).toMatchObject({ deadLetters: 0 });
  });

  it('pauses the source while its write key or the address is wrong, and goes on by itself', async () => {
    const engine = await open();
    const { told } = relay.drain(engine, { pauseDuration: 50 });
    await store(engine, texts('a', 10));
    for (const status of [401, 403, 404, 302]) {
      await relay.api.behave({ type: 'answer', status, headers: { location: 'https://example.com/' } });
      const before = (await relay.api.counts()).requests;
      await relay.api.waitFor({ requests: before + 3 });
      expect(told.filter(([what]) => what === 'request').at(-1)).toEqual(['request', name, status]);
      const code = status === 302 ? 'redirected' : 'rejected';
      expect(told.filter(([what]) => what === 'pause').at(-1)).toEqual(['pause', name, code]);
    }
    expect(await engine.backlog(name)).toMatchObject({ events: 10, deadLetters: 0 });
    await relay.api.behave({ type: 'ok' });
    await relay.api.waitFor({ events: 10 });
    await emptied(engine);
    expect(told).toContainEqual(['pause', name, undefined]);
  });

  it('makes dead letters only of the events that the API refuses, which can be sent later', async () => {
    const engine = await open();
    await relay.api.rules([{ match: { messageId: 'a-41' }, behaviour: { type: 'answer', status: 400 } }]);
    await store(engine, texts('a', 100));
    const { told } = relay.drain(engine);
    await relay.api.waitFor({ events: 99 });
    await emptied(engine);
    expect(new Set(await relay.api.messageIds())).not.toContain('a-41');
    const letters = await engine.deadLetters(name);
    expect(letters).toMatchObject([{ code: 'rejected', status: 400 }]);
    expect(JSON.parse(letters[0]?.text ?? '').messageId).toBe('a-41');
    expect(told).toContainEqual(['dead letters', name, 'rejected', 1]);
    await relay.api.rules([]);
    await engine.removeDeadLetters(
      name,
      letters.map(({ id }) => id),
    );
    await relay.api.waitFor({ events: 100 });
    await emptied(engine);
    expect((await relay.api.counts()).duplicates).toBe(0);
  });

  it('makes dead letters of events that are larger than the API accepts', async () => {
    const engine = await open();
    await store(engine, [...texts('a', 1), ...texts('b', 1, `,"x":"${'x'.repeat(40_000)}"`)]);
    relay.drain(engine);
    await emptied(engine);
    expect(await relay.api.messageIds()).toEqual(['a-0']);
    expect(await engine.deadLetters(name)).toMatchObject([{ code: 'event_too_large' }]);
  });

  it('finishes its request when it stops, and gives the partitions back', async () => {
    const engine = await open();
    await relay.api.behave({ type: 'ok', delayMs: 1_000 });
    await store(engine, texts('a', 10));
    const { drain, told } = relay.drain(engine);
    await until('a request is out', async () => (await relay.api.counts()).maxConnections > 0);
    await drain.stop();
    expect(await engine.holders(name)).toEqual([undefined]);
    expect(await engine.backlog(name)).toMatchObject({ events: 0 });
    expect((await relay.api.counts()).events).toBe(10);
    expect(told.at(-1)).toEqual(['leases', name, 0]);
    await store(engine, texts('b', 10));
    relay.drain(engine);
    await relay.api.waitFor({ events: 20 });
    expect((await relay.api.counts()).duplicates).toBe(0);
  });

  it('stops at once while the API is down, and leaves the events', async () => {
    const engine = await open();
    await relay.api.behave(unwell);
    await store(engine, texts('a', 10));
    const { drain } = relay.drain(engine);
    await relay.api.waitFor({ requests: 4, timeoutMs: 20_000 });
    await drain.stop();
    expect(await engine.holders(name)).toEqual([undefined]);
    expect(await engine.backlog(name)).toMatchObject({ events: 10 });
    const marks = (await engine.read(await acquired(engine), undefined, 10)).map((entry) => entry.marks);
    expect(marks).toEqual([0]);
  });

  it('gives an entry up that has ended three relays by itself, and delivers the others', async () => {
    const engine = await open();
    await store(engine, texts('a', 250));
    const lease = await acquired(engine);
    const [, second] = await engine.read(lease, undefined, 10);
    for (let death = 0; death < 5; death++) await engine.mark(lease, [second?.id ?? '']);
    await engine.release(lease);
    relay.drain(engine);
    await emptied(engine);
    expect((await relay.api.counts()).events).toBe(150);
    const letters = await engine.deadLetters(name);
    expect(letters.map(({ text }) => text)).toEqual(texts('a', 250).slice(100, 200));
    expect(letters[0]).toMatchObject({ code: 'ends_relays' });
  });
}
