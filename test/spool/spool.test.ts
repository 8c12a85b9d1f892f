// A client with a spool: what it has accepted arrives, whatever becomes of its process, of the API or of the disk.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AnalyticsSettings, Stats } from '@offthread/sdk';
import { findRuns, inspectRun } from '@offthread/sdk/spool';
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

interface Report {
  readonly stored?: string;
  readonly accepted?: boolean;
  readonly result?: { readonly status: string };
  readonly stats: Stats & { spool: NonNullable<Stats['spool']> };
  readonly errors: readonly { code: string; status?: number; count: number; ids: readonly string[] }[];
  readonly outcomes: Readonly<Record<string, number>>;
}

type Ending = 'kill' | 'kill when delivered' | 'exit' | 'close' | 'drain' | 'track at exit';

/** Runs a client in a process of its own. @param recovered events of others that it is to send before it ends by `'drain'`. */
async function run(ending: Ending, count: number, more: Partial<AnalyticsSettings> = {}, recovered = 0) {
  const settings = { writeKey: 'KEY', host: bench.api.url, spool: directory, ...more };
  const ended = await runFixture('spool-client.mjs', [
    JSON.stringify(settings),
    String(count),
    ending,
    String(recovered),
  ]);
  expect(ended.stderr).toBe('');
  return { ...ended, report: JSON.parse(ended.stdout) as Report };
}

function track(analytics: ReturnType<typeof bench.open>, index = 0, filler = ''): boolean {
  return analytics.track({ userId: 'u', event: 'e', properties: { index, filler } });
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
  const found = await arrivals();
  expect([...found.keys()].sort((a, b) => Number(a) - Number(b))).toEqual(upTo(count));
  for (const ids of found.values()) expect(ids.size).toBe(1);
}

async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + 20_000;
  while (!(await isSo())) {
    if (performance.now() > end) throw new Error('It did not come to that within 20 s');
    await sleep(20);
  }
}

/** Whether nothing is left but the socket and the file of a process. */
function isEmpty(): boolean {
  return readdirSync(directory).every((name) => /^[0-9a-f]{16}\.(sock|holder)$/.test(name));
}

describe('After SIGKILL', () => {
  test('the next process sends what was stored, each event once and under its own id', async () => {
    await bench.api.behave({ type: 'answer', status: 503 });
    const killed = await run('kill', 500);
    expect(killed.signal).toBe('SIGKILL');
    expect(killed.report.stored).toBe('ok');
    expect(await bench.api.events()).toEqual([]);
    await bench.api.behave({ type: 'ok' });
    const { report } = await run('drain', 0, {}, 500);
    expect(report.stats).toMatchObject({ accepted: 0, delivered: 0, spool: { recovered: 500, damaged: 0 } });
    await expectEach(500);
  });

  test('nothing waits of what was delivered', async () => {
    // They are on the disk before they are delivered.
    await bench.api.script([{ type: 'answer', status: 503 }]);
    const killed = await run('kill when delivered', 10, { spool: { directory, syncInterval: 60_000 } });
    expect(killed.signal).toBe('SIGKILL');
    expect(killed.report.stats.delivered).toBe(10);
    const [left] = await findRuns(directory);
    if (left === undefined) throw new Error('There is no run');
    expect(inspectRun(directory, left)).toMatchObject({ events: 0, damaged: 0 });
  });

  test('also by several processes that share the directory, and with events of their own', async () => {
    await bench.api.behave({ type: 'answer', status: 503 });
    const ends = await Promise.all(upTo(4).map(() => run('kill', 50)));
    for (const { report } of ends) expect(report.stored).toBe('ok');
    await bench.api.behave({ type: 'ok' });
    const drained = [await run('drain', 20, {}, 200)];
    const recovered = drained.map(({ report }) => report.stats.spool.recovered);
    expect(recovered.reduce((sum, count) => sum + count, 0)).toBe(200);
    const ids = new Set((await bench.api.events()).map(({ messageId }) => messageId));
    expect(ids.size).toBe(220);
  });

  test('what was redacted is on the disk as it is sent, and is not redacted again', async () => {
    await bench.api.behave({ type: 'answer', status: 503 });
    const redact = {
      hash: ['properties.email'],
      remove: ['properties.big'],
      salt: 'a secret of 16 characters',
    };
    await run('kill', 20, { redact });
    const files = readdirSync(directory, { recursive: true, encoding: 'utf8' });
    for (const file of files.filter((name) => name.endsWith('.segment')))
      expect(readFileSync(join(directory, file), 'latin1')).not.toContain('@x.y');
    await bench.api.behave({ type: 'ok' });
    await run('drain', 20, { redact }, 20);
    const hashes = (await bench.api.events()).map(({ properties }) => properties?.['email']);
    expect(hashes).toHaveLength(40);
    expect(new Set(hashes).size).toBe(20);
  });
});

describe('At the end of a process', () => {
  test("with flushOnExit 'store' events are left on the disk, and callbacks are told so", async () => {
    await bench.api.behave({ type: 'hang' });
    const { code, report } = await run('exit', 300, { flushOnExit: 'store' });
    expect(code).toBe(3);
    expect(report.stats).toMatchObject({ accepted: 300, left: 300, pending: 0, dropped: {} });
    expect(report.outcomes).toEqual({ stored: 300 });
    expect(report.errors).toEqual([]);
    await bench.api.behave({ type: 'ok' });
    await run('drain', 0, {}, 300);
    await expectEach(300);
  });

  test('what the API did not take in time is left on the disk', async () => {
    await bench.api.behave({ type: 'answer', status: 503 });
    for (const ending of ['exit', 'close'] as const) {
      const { report } = await run(ending, 30, { flushTimeout: 300 });
      expect(report.stats).toMatchObject({ accepted: 30, left: 30, pending: 0, dropped: {} });
      expect(report.outcomes).toEqual({ stored: 30 });
    }
    await bench.api.behave({ type: 'ok' });
    const { report } = await run('drain', 0, {}, 60);
    expect(report.stats.spool.recovered).toBe(60);
  });

  test.each([true, false])(
    'an event that a later exit listener tracks is delivered, or left on the disk (strict: %s)',
    async (strict) => {
      const more = { spool: { directory, strict } };
      const first = await run('track at exit', 5, more);
      expect(first.code).toBe(3);
      expect(first.report).toMatchObject({ accepted: true, stats: { delivered: 6 }, errors: [] });
      expect(readdirSync(directory)).toEqual([]);
      await bench.api.reset();
      await bench.api.behave({ type: 'answer', status: 503 });
      await bench.api.script([{ type: 'ok' }]);
      const second = await run('track at exit', 1, { ...more, flushOnExit: 'store' });
      expect(second.report).toMatchObject({ accepted: true, stats: { delivered: 1, left: 1 }, errors: [] });
      await bench.api.behave({ type: 'ok' });
      const { report } = await run('drain', 0, more, 1);
      expect(report.stats.spool).toMatchObject({ recovered: 1, damaged: 0 });
      await expectEach(2);
    },
  );

  test('nothing is left on the disk of what was delivered', async () => {
    const { report } = await run('close', 100);
    expect(report.stats).toMatchObject({ delivered: 100, left: 0 });
    expect(readdirSync(directory)).toEqual([]);
    const analytics = bench.open({ spool: directory });
    track(analytics);
    await analytics.flushAsync();
    await analytics.close();
    expect(isEmpty()).toBe(true);
  });
});

describe('The API', () => {
  test.each([
    [401, 'rejected'],
    [302, 'redirected'],
    [404, 'rejected'],
  ])('that answers %d pauses the source, which loses nothing', async (status, code) => {
    await bench.api.behave({ type: 'answer', status, headers: { location: 'https://example.com/' } });
    const analytics = bench.open({ spool: directory });
    for (const index of upTo(10)) track(analytics, index);
    expect(await analytics.flushAsync(20_000)).toMatchObject({ status: 'timeout', pending: 10 });
    // If the source was paused before the flush, that has returned before this thread could read why.
    await until(() => bench.errors.length > 0);
    expect(bench.errors).toMatchObject([{ code, status, count: 0 }]);
    // At once, and not at the end of its time.
    expect(analytics.flush(20_000).elapsedMs).toBeLessThan(10_000);
    await analytics.close(0);
    expect(analytics.stats()).toMatchObject({ accepted: 10, left: 10, failed: 0, pending: 0 });
    expect(bench.errors).toHaveLength(1);
    await bench.api.behave({ type: 'ok' });
    // The process that left them lives: they are sent by its next client of this source.
    const next = bench.open({ spool: directory });
    await until(() => next.stats().spool?.recovered === 10);
    await expectEach(10);
  });

  test('that answers 429 gets the same events again, each once, and in order', async () => {
    const headers = { 'retry-after': '1' };
    await bench.api.script([{ type: 'answer', status: 429, headers, times: 2 }]);
    const analytics = bench.open({ spool: directory });
    for (const index of upTo(10)) track(analytics, index);
    await until(() => analytics.stats().delivered === 10);
    expect(analytics.stats()).toMatchObject({ delivered: 10, failed: 0 });
    expect((await bench.api.events()).map(({ properties }) => properties?.['index'])).toEqual(upTo(10));
    expect(bench.errors).toEqual([]);
  });

  test('at another address gets what was left for the one before', async () => {
    await run('kill', 20, { host: 'http://127.0.0.1:9' });
    const { report } = await run('drain', 0, {}, 20);
    expect(report.stats.spool.recovered).toBe(20);
    await expectEach(20);
  });

  test('that refuses one event puts that one aside, with the reason', async () => {
    const settings = { writeKey: 'KEY', host: bench.api.url, spool: directory };
    await bench.api.rules([{ match: { messageId: 'bad' }, behaviour: { type: 'answer', status: 400 } }]);
    const analytics = bench.open(settings);
    for (const index of upTo(20)) {
      const id = index === 7 ? { messageId: 'bad' } : {};
      analytics.track({ userId: 'u', event: 'e', properties: { index }, ...id });
    }
    await analytics.flushAsync(20_000);
    await bench.api.rules([]);
    expect(analytics.stats()).toMatchObject({ delivered: 19, failed: 1 });
    expect(bench.errors).toMatchObject([{ code: 'rejected', status: 400, count: 1 }]);
    expect(bench.errors[0]?.events).toMatchObject([{ messageId: 'bad', properties: { index: 7 } }]);
    const [file = ''] = readdirSync(directory).filter((name) => name.endsWith('.dead.ndjson'));
    const lines = readFileSync(join(directory, file), 'utf8').trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { event: { messageId: 'bad', properties: { index: 7 } }, code: 'rejected', status: 400 },
    ]);
  });

  test('that is down beyond maxQueueSize costs no event', async () => {
    const analytics = bench.open({ spool: directory, maxQueueSize: 1_000, maxQueueBytes: 3_000_000 });
    // More than fits into memory, so that what is in flight must make room for it.
    const filler = 'x'.repeat(2_000);
    track(analytics, 0, filler);
    await analytics.flushAsync();
    await bench.api.behave({ type: 'answer', status: 503 });
    for (let index = 1; index < 2_000; index++) {
      // The memory of the first ones, which are in flight, is used again.
      if (index === 150) expect(await analytics.stored()).toBe('ok');
      if (!track(analytics, index, filler)) {
        expect(await analytics.stored()).toBe('ok');
        expect(track(analytics, index, filler)).toBe(true);
      }
    }
    expect(await analytics.stored()).toBe('ok');
    expect(analytics.stats()).toMatchObject({ pending: 1_999, spool: { stored: 2_000 } });
    await bench.api.behave({ type: 'ok' });
    expect(await analytics.flushAsync(20_000)).toMatchObject({ status: 'ok' });
    await expectEach(2_000);
  });
});

describe('Retention', () => {
  test('beyond maxBytes the newest is refused as spool_full, and taken when there is room again', async () => {
    await bench.api.behave({ type: 'answer', status: 503 });
    const maxBytes = 16 * 1024 * 1024;
    const analytics = bench.open({ spool: { directory, maxBytes }, maxQueueBytes: 256 * 1024 * 1024 });
    const filler = 'x'.repeat(31_000);
    let accepted = 0;
    await until(async () => {
      for (let more = 0; more < 20 && track(analytics, accepted, filler); more++) accepted++;
      await analytics.stored();
      return analytics.stats().refused.spool_full !== undefined;
    });
    expect(accepted).toBeGreaterThan(400);
    expect(accepted).toBeLessThan(700);
    expect(bench.errors.filter(({ code }) => code === 'spool_full')).toHaveLength(1);
    await bench.api.behave({ type: 'ok' });
    expect(await analytics.flushAsync(20_000)).toMatchObject({ status: 'ok' });
    await until(() => track(analytics, accepted));
  });

  test('events that are too old expire once an attempt has failed, and not before', async () => {
    await bench.api.behave({ type: 'answer', status: 503 });
    await run('kill', 10);
    await bench.api.behave({ type: 'ok' });
    // They are older than that, and the API takes them.
    const { report } = await run('drain', 0, { spool: { directory, maxAge: 1 } }, 10);
    expect(report.stats.spool.recovered).toBe(10);
    await bench.api.behave({ type: 'answer', status: 503 });
    const analytics = bench.open({ spool: { directory, maxAge: 1 } });
    for (const index of upTo(10)) track(analytics, index);
    await analytics.flushAsync(20_000);
    await until(() => analytics.stats().pending === 0);
    expect(analytics.stats()).toMatchObject({ dropped: { spool_expired: 10 } });
    expect(bench.errors.flatMap(({ events }) => events)).toHaveLength(10);
  });
});

describe('The disk', () => {
  test('that is gone while the client runs costs no event: they go on in memory', async () => {
    const analytics = bench.open({ spool: directory });
    track(analytics, 0);
    expect(await analytics.stored()).toBe('ok');
    expect(await analytics.flushAsync()).toMatchObject({ status: 'ok' });
    await bench.api.behave({ type: 'answer', status: 503 });
    rmSync(directory, { recursive: true });
    writeFileSync(directory, 'not a directory');
    for (const index of upTo(10)) track(analytics, index + 1);
    await until(() => bench.errors.some(({ code }) => code === 'spool_failed'));
    expect(await analytics.stored()).toBe('failed');
    await bench.api.behave({ type: 'ok' });
    await until(() => analytics.stats().pending === 0);
    // Its place is a directory again.
    rmSync(directory);
    mkdirSync(directory);
    track(analytics, 11);
    await until(async () => (await analytics.stored()) === 'ok');
    await analytics.flushAsync();
    await expectEach(12);
  });

  test('with what no program has written keeps no client from its work', async () => {
    const name = '86be9a55762d316a3026c2836d044f5f.0mwx08513-ad52d2ad85fe.c787206cd7682757';
    mkdirSync(join(directory, name));
    writeFileSync(join(directory, name, '0000000000000001.0.segment'), 'noise'.repeat(1_000));
    writeFileSync(join(directory, name, 'cursor'), 'noise');
    mkdirSync(join(directory, 'other'));
    writeFileSync(join(directory, 'c787206cd7682757.holder'), 'noise');
    const { report } = await run('close', 10);
    expect(report.stats).toMatchObject({ delivered: 10 });
    expect(existsSync(join(directory, 'other'))).toBe(true);
  });
});

test('Events under another write key are left alone, and reported once', async () => {
  await bench.api.behave({ type: 'answer', status: 503 });
  await run('kill', 10, { writeKey: 'OTHER' });
  await run('kill', 10, { writeKey: 'ANOTHER' });
  await bench.api.behave({ type: 'ok' });
  const { report } = await run('close', 5);
  expect(report.stats).toMatchObject({ delivered: 5, spool: { recovered: 0 } });
  expect(report.errors).toMatchObject([{ code: 'spool_foreign', count: 2 }]);
  expect((await run('drain', 0, { writeKey: 'OTHER' }, 10)).report.stats.spool.recovered).toBe(10);
});

describe('Settings', () => {
  test.each([
    [7, "Setting 'spool' must be the path of a directory"],
    ['', "Setting 'spool.directory' must be the path"],
    [{}, "Setting 'spool.directory' must be the path"],
    [{ directory: '/tmp', maxByte: 1 }, "There is no setting 'spool.maxByte'; did you mean 'maxBytes'?"],
    [
      { directory: '/tmp', maxBytes: 1_000 },
      "Setting 'spool.maxBytes' must be a whole number of at least 16777216",
    ],
    [{ directory: '/tmp', maxAge: 0 }, "Setting 'spool.maxAge' must be a whole number"],
    [{ directory: '/tmp', syncInterval: -1 }, "Setting 'spool.syncInterval' must be a whole number"],
    ['/nowhere/at/all', "can't be used: ENOENT"],
    ['/dev/null', "can't be used: it is a file"],
  ])('spool: %j is refused', (spool, message) => {
    expect(() => bench.open({ spool: spool as string })).toThrow(message);
  });

  test("flushOnExit: 'store' needs a spool", () => {
    expect(() => bench.open({ flushOnExit: 'store' })).toThrow("can be 'store' only with a 'spool'");
  });

  test('stored() without a spool says that nothing was', async () => {
    const analytics = bench.open();
    expect(await analytics.stored()).toBe('failed');
    expect(analytics.stats().spool).toBeUndefined();
  });
});
