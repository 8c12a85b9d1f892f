// With `spool.strict`, an event for which the call has returned true arrives, even if its process is killed by the next
// instruction.
import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AnalyticsSettings } from '@offthread/sdk';
import { fastifyAnalytics } from '@offthread/sdk/fastify';
import { createTestAnalytics } from '@offthread/sdk/testing';
import { bootId, folderOf, newHolder, parseRun, writeHolderFile } from '@offthread/worker/spool/index';
import Fastify from 'fastify';
import { describe, expect, test, vi } from 'vitest';
import { runFixture } from '../helpers/fixture.js';
import { withFolder } from '../helpers/folder.js';
import { upTo, withApi } from '../helpers/with-api.js';

// Child processes share what this machine has with other tests.
vi.setConfig({ testTimeout: 60_000 });

const bench = withApi();
let directory = '';
withFolder((path) => {
  directory = path;
});

function strict(): Partial<AnalyticsSettings> {
  return { spool: { directory, strict: true } };
}

/** Runs a process that is killed right behind its last call. Returns the number of events that it has accepted. */
async function killed(count: number, how: 'at once' | 'later' | 'blocked', size = 1): Promise<number> {
  const settings = { writeKey: 'KEY', host: bench.api.url, ...strict() };
  const { signal, stdout, stderr } = await runFixture('spool-strict.mjs', [
    JSON.stringify(settings),
    String(count),
    how,
    String(size),
  ]);
  expect({ signal, stderr }).toEqual({ signal: 'SIGKILL', stderr: '' });
  return JSON.parse(stdout).accepted;
}

async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + 20_000;
  while (!(await isSo())) {
    if (performance.now() > end) throw new Error('It did not come to that within 20 s');
    await sleep(20);
  }
}

/** The messageIds that each event arrived with. */
async function arrivals(): Promise<Map<unknown, Set<string>>> {
  const found = new Map<unknown, Set<string>>();
  for (const { messageId, properties } of await bench.api.events()) {
    const index = properties?.['index'];
    found.set(index, (found.get(index) ?? new Set()).add(String(messageId)));
  }
  return found;
}

async function expectEach(count: number): Promise<void> {
  // Those that were under way when the process was killed arrive twice.
  await until(async () => (await arrivals()).size >= count);
  const found = await arrivals();
  expect([...found.keys()].sort((a, b) => Number(a) - Number(b))).toEqual(upTo(count));
  for (const [index, ids] of found) {
    expect(ids.size).toBe(1);
    if (Number(index) % 5 === 0) expect([...ids]).toEqual([`own-${index}`]);
  }
}

/** The folders of runs in the directory. */
function runs(): string[] {
  return readdirSync(directory).filter((name) => parseRun(name) !== undefined);
}

/** Takes the only run as a process does that takes this one for dead. Returns a function that ends that process. */
function adopt(): () => void {
  const [run = ''] = runs();
  const name = parseRun(run);
  if (name === undefined) throw new Error('There is no run');
  const holder = newHolder();
  renameSync(join(directory, run), join(directory, folderOf({ ...name, holder })));
  return () => {
    const file = writeHolderFile({ boot: bootId(), listens: true, count: 1 });
    writeFileSync(join(directory, `${holder}.holder`), file);
  };
}

describe('After SIGKILL by the next instruction', () => {
  test.each([
    ['before the worker thread has started', 'at once', 700],
    ['with the first event', 'at once', 1],
    ['while the worker thread sends', 'later', 1_500],
    ['after the main thread was blocked', 'blocked', 700],
  ] as const)('every accepted event arrives, under one id: %s', async (_, how, count) => {
    if (how === 'blocked') await bench.api.behave({ type: 'answer', status: 503 });
    expect(await killed(count, how)).toBe(count);
    await bench.api.behave({ type: 'ok' });
    bench.open(strict());
    await expectEach(count);
    const bigs = (await bench.api.events()).filter(
      ({ properties }) => Number(properties?.['index']) % 3 === 0,
    );
    expect(new Set(bigs.map(({ properties }) => properties?.['big']))).toEqual(new Set([String(2n ** 64n)]));
  });

  test('also across segments, and when a client that is not strict sends them', async () => {
    await bench.api.behave({ type: 'answer', status: 503 });
    expect(await killed(3_000, 'at once', 12)).toBe(3_000);
    const [run = ''] = runs();
    expect(
      readdirSync(join(directory, run)).filter((name) => name.endsWith('.segment')).length,
    ).toBeGreaterThan(1);
    await bench.api.behave({ type: 'ok' });
    bench.open({ spool: directory });
    await expectEach(3_000);
  });
});

describe('A client', () => {
  test('delivers, and leaves nothing on the disk of what it has delivered', async () => {
    const analytics = bench.open(strict());
    for (let index = 0; index < 5_000; index++) {
      expect(
        analytics.track({ userId: 'u', event: 'e', properties: { index }, messageId: `own-${index}` }),
      ).toBe(true);
      if (index % 500 === 0) await analytics.flushAsync();
    }
    expect(await analytics.stored()).toBe('ok');
    expect(await analytics.flushAsync()).toMatchObject({ status: 'ok' });
    expect(analytics.stats()).toMatchObject({
      accepted: 5_000,
      delivered: 5_000,
      spool: { stored: 5_000, damaged: 0 },
    });
    await analytics.close();
    expect(runs()).toEqual([]);
  });

  test('that is closed too soon leaves its events on the disk, and says so', async () => {
    await bench.api.behave({ type: 'hang' });
    const analytics = bench.open(strict());
    const codes: unknown[] = [];
    for (const index of upTo(40)) {
      const event = { userId: 'u', event: 'e', properties: { index }, messageId: `own-${index}` };
      analytics.track(event, (error) => codes.push(error?.code));
    }
    await analytics.close(0);
    expect(analytics.stats()).toMatchObject({ accepted: 40, left: 40, pending: 0, dropped: {} });
    await until(() => codes.length === 40);
    expect(new Set(codes)).toEqual(new Set(['stored']));
    await bench.api.behave({ type: 'ok' });
    const next = bench.open(strict());
    await until(() => next.stats().spool?.recovered === 40);
  });

  test('whose run another process adopts goes on in another one, and loses nothing', async () => {
    await bench.api.behave({ type: 'answer', status: 503 });
    const analytics = bench.open(strict());
    const track = (from: number, to: number): void => {
      for (let index = from; index < to; index++)
        expect(
          analytics.track({ userId: 'u', event: 'e', properties: { index }, messageId: `own-${index}` }),
        ).toBe(true);
    };
    track(0, 50);
    expect(await analytics.stored()).toBe('ok');
    const endAdopter = adopt();
    track(50, 60);
    await sleep(1_100);
    track(60, 100);
    expect(await analytics.stored()).toBe('ok');
    expect(runs()).toHaveLength(2);
    await bench.api.behave({ type: 'ok' });
    expect(await analytics.flushAsync()).toMatchObject({ status: 'ok' });
    const found = await arrivals();
    for (const index of upTo(40)) expect(found.has(index + 60)).toBe(true);
    endAdopter();
    const drained = await runFixture('spool-client.mjs', drainOf(50));
    const { stats, errors } = JSON.parse(drained.stdout);
    expect(errors).toEqual([]);
    // 60, unless the owner of the run looked whether it was still there before it wrote the last ten.
    expect(stats.spool.recovered).toBeGreaterThanOrEqual(50);
    await expectEach(100);
  });
});

test.each([true, false])(
  'A run that another process adopts is not damaged for the one that had it (strict: %s)',
  async (isStrict) => {
    await bench.api.behave({ type: 'answer', status: 503 });
    // Nothing is synced, so nothing else shows that the run is gone.
    const analytics = bench.open({ spool: { directory, strict: isStrict }, batchSize: 10 });
    // More than is kept in memory when it is on the disk.
    const filler = 'x'.repeat(31_000);
    for (const index of upTo(100)) {
      const properties = { index, filler };
      analytics.track({ userId: 'u', event: 'e', properties, messageId: `own-${index}` });
    }
    expect(await analytics.stored()).toBe('ok');
    const endAdopter = adopt();
    await bench.api.behave({ type: 'ok' });
    expect(await analytics.flushAsync(20_000)).toMatchObject({ status: 'ok' });
    const { delivered, left, dropped } = analytics.stats();
    expect({ sum: delivered + left, dropped }).toEqual({ sum: 100, dropped: {} });
    expect(left).toBeGreaterThan(0);
    endAdopter();
    // Events that were delivered just before are sent again, and count as recovered.
    for (let missing = left, round = 0; missing > 0 && round < 5; round++) {
      await runFixture('spool-client.mjs', drainOf(missing));
      missing = 100 - (await arrivals()).size;
    }
    await expectEach(100);
  },
);

/** Arguments of a process that sends what others have left. */
function drainOf(recovered: number): string[] {
  const settings = { writeKey: 'KEY', host: bench.api.url, ...strict() };
  return [JSON.stringify(settings), '0', 'drain', String(recovered)];
}

describe('Settings', () => {
  const message = "Setting 'spool.strict' can't be combined with 'redact'";

  test('strict is true or false', () => {
    expect(() => bench.open({ spool: { directory, strict: 1 as unknown as boolean } })).toThrow(
      "Setting 'spool.strict' must be true or false; got 1",
    );
  });

  test('strict with redact is refused, in the test kit and by the Fastify plugin too', async () => {
    const settings = { ...strict(), redact: ['traits.email'] };
    expect(() => bench.open(settings)).toThrow(message);
    expect(() => createTestAnalytics(settings)).toThrow(message);
    const app = Fastify();
    await expect(app.register(fastifyAnalytics, { writeKey: 'KEY', ...settings }).ready()).rejects.toThrow(
      message,
    );
    expect(existsSync(directory) && runs()).toEqual([]);
    expect(bench.open({ spool: { directory, strict: false }, redact: ['traits.email'] }).stats().mode).toBe(
      'live',
    );
  });

  test('the test kit takes it, and writes nothing', async () => {
    const analytics = createTestAnalytics(strict());
    expect(analytics.track({ userId: 'u', event: 'e', properties: { big: 1n } })).toBe(true);
    expect(analytics.tracks).toMatchObject([{ properties: { big: '1' } }]);
    expect(await analytics.stored()).toBe('ok');
    expect(readdirSync(directory)).toEqual([]);
  });

  test('a Fastify server answers by it', async () => {
    const app = Fastify();
    await app.register(fastifyAnalytics, { writeKey: 'KEY', host: bench.api.url, ...strict() });
    app.post('/', async (request, reply) => {
      const isStored = request.analytics.track({ userId: 'u', event: 'e', properties: { index: 0 } });
      const [run = ''] = runs();
      const [segment = ''] = readdirSync(join(directory, run)).filter((name) => name.endsWith('.segment'));
      const isThere = readFileSync(join(directory, run, segment), 'utf8').includes('"event":"e"');
      return reply.code(isStored && isThere ? 201 : 503).send({});
    });
    expect((await app.inject({ method: 'POST', url: '/' })).statusCode).toBe(201);
    await app.close();
    expect(await bench.api.events()).toHaveLength(1);
  });
});
