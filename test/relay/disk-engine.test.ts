// The engine on a directory: what it has stored is there after the process ends, whatever the disk does.
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bootId, writeHolderFile } from '@offthread/worker/spool/holder';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { DiskEngine } from '../../packages/relay/src/engine/disk/disk-engine.js';
import { type DiskOptions, openDiskEngine } from '../../packages/relay/src/engine/disk/open.js';
import { answerRequests } from '../../packages/relay/src/engine/disk/replay-request.js';
import { EngineUnavailableError, type Entry, type Lease } from '../../packages/relay/src/engine/engine.js';
import { FaultyFileSystem } from '../helpers/faulty-file-system.js';
import { Scratch } from '../helpers/relay.js';

const SOURCE = 'a'.repeat(32);
const OTHER = 'b'.repeat(32);

let scratch: Scratch;
let engine: DiskEngine | undefined;

beforeEach(() => {
  scratch = new Scratch();
});
afterEach(async () => {
  await engine?.close();
  engine = undefined;
  scratch.remove();
});

async function open(options: Partial<DiskOptions> = {}): Promise<DiskEngine> {
  engine = await openDiskEngine({
    directory: scratch.at('events'),
    partitions: 1,
    maxBytes: 64 * 1024 * 1024,
    sources: [SOURCE],
    relayId: 'relay',
    log: pino({ level: 'silent' }),
    ...options,
  });
  return engine;
}

async function reopen(options: Partial<DiskOptions> = {}): Promise<DiskEngine> {
  await engine?.close();
  return open(options);
}

async function lease(of: DiskEngine, partition = 0, source = SOURCE): Promise<Lease> {
  const lease = await of.acquire(source, partition);
  if (lease === undefined) throw new Error('no lease');
  return lease;
}

/** All that waits in a partition, by reading it again and again and removing what was read. */
async function drained(of: DiskEngine, from: Lease): Promise<string[]> {
  const texts: string[] = [];
  for (;;) {
    const entries = await of.read(from, undefined, 10);
    if (entries.length === 0) return texts;
    texts.push(...entries.flatMap((entry) => entry.texts));
    await of.remove(from, { ids: idsOf(entries), delivered: 0, deadLetters: [] });
  }
}

/** The texts that wait in a partition, which stay there. */
async function waiting(of: DiskEngine, from: Lease): Promise<string[]> {
  return (await of.read(from, undefined, 10_000)).flatMap(({ texts }) => texts);
}

const idsOf = (entries: readonly Entry[]): string[] => entries.map(({ id }) => id);
const event = (name: number | string, bytes = 0): string => JSON.stringify({ name, note: 'x'.repeat(bytes) });
const one = (...texts: string[]) => [{ partition: 0, texts }];
const segments = (): string[] => filesIn('.segment');
const filesIn = (ending: string): string[] =>
  readdirSync(scratch.at('events'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(ending))
    .map((name) => join(scratch.at('events'), name))
    .sort();

describe('events', () => {
  test('are read in the order in which they were stored, as they were, also by the next process', async () => {
    const first = await open();
    const texts = ['{"n":9007199254740993}', '{ "a" :\n1 }', '{"emoji":"🦊","é":"ü"}'];
    await first.append(SOURCE, one(texts[0] ?? ''));
    await first.append(SOURCE, one(...texts.slice(1)));
    expect(await waiting(first, await lease(first))).toEqual(texts);
    const second = await reopen();
    expect(await waiting(second, await lease(second))).toEqual(texts);
    expect(await second.backlog(SOURCE)).toMatchObject({
      events: 3,
      bytes: Buffer.byteLength(texts.join('')),
      oldest: expect.closeTo(Date.now(), -5),
    });
  });

  test('that are removed do not come back, and those that are left do', async () => {
    const first = await open();
    for (let index = 0; index < 10; index++) await first.append(SOURCE, one(event(index)));
    const held = await lease(first);
    const entries = await first.read(held, undefined, 4);
    expect(entries).toHaveLength(4);
    expect(await first.remove(held, { ids: idsOf(entries), delivered: 4, deadLetters: [] })).toBe(true);
    expect((await first.backlog(SOURCE)).events).toBe(6);
    const second = await reopen();
    expect((await second.backlog(SOURCE)).events).toBe(6);
    expect(await waiting(second, await lease(second))).toEqual([4, 5, 6, 7, 8, 9].map((name) => event(name)));
  });

  test('removed out of order come back only if the process ends', async () => {
    const first = await open();
    for (let index = 0; index < 4; index++) await first.append(SOURCE, one(event(index)));
    const held = await lease(first);
    const [, second] = idsOf(await first.read(held, undefined, 4));
    await first.remove(held, { ids: [second ?? ''], delivered: 1, deadLetters: [] });
    expect(await waiting(first, held)).toEqual([0, 2, 3].map((name) => event(name)));
    const next = await reopen();
    expect(await waiting(next, await lease(next))).toEqual([0, 1, 2, 3].map((name) => event(name)));
  });

  test('of one read are about what a request carries', async () => {
    const of = await open();
    for (let index = 0; index < 40; index++) await of.append(SOURCE, one(event(index, 30_000)));
    const held = await lease(of);
    const entries = await of.read(held, undefined, 1_000);
    expect(entries.length).toBeGreaterThan(10);
    expect(entries.length).toBeLessThan(18);
    const after = await of.read(held, entries.at(-1)?.id, 1);
    expect(after[0]?.texts).toEqual([event(entries.length, 30_000)]);
  });

  test('of a request are divided into entries of at most 100', async () => {
    const of = await open();
    await of.append(SOURCE, one(...Array.from({ length: 250 }, (_, index) => event(index))));
    const entries = await of.read(await lease(of), undefined, 1_000);
    expect(entries.map(({ texts }) => texts.length)).toEqual([100, 100, 50]);
  });

  test('of several partitions and sources have their own place and their own lease', async () => {
    const of = await open({ partitions: 3, sources: [SOURCE, OTHER] });
    await of.append(SOURCE, [
      { partition: 0, texts: [event('a')] },
      { partition: 2, texts: [event('b')] },
    ]);
    await of.append(OTHER, one(event('c')));
    expect(await of.holders(SOURCE)).toEqual([undefined, undefined, undefined]);
    const held = await lease(of, 2);
    expect(await of.holders(SOURCE)).toEqual([undefined, undefined, 'relay']);
    expect(await of.acquire(SOURCE, 2)).toBeUndefined();
    expect(await waiting(of, held)).toEqual([event('b')]);
    expect(await waiting(of, await lease(of, 0, OTHER))).toEqual([event('c')]);
    await of.release(held);
    expect(await of.read(held, undefined, 1)).toEqual([]);
    expect(await of.remove(held, { ids: ['1'], delivered: 1, deadLetters: [] })).toBe(false);
    expect(await waiting(of, await lease(of, 2))).toEqual([event('b')]);
  });

  test('in segments that are all removed take no space', async () => {
    const of = await open();
    const held = await lease(of);
    for (let round = 0; round < 3; round++) {
      const texts = Array.from({ length: 400 }, (_, index) => event(`${round}/${index}`, 30_000));
      await of.append(SOURCE, one(...texts));
      expect(segments().length).toBeGreaterThanOrEqual(2);
      expect(await drained(of, held)).toEqual(texts);
    }
    await of.append(SOURCE, one(event('last')));
    expect(await drained(of, held)).toEqual([event('last')]);
    expect(segments().length).toBeLessThanOrEqual(2);
    expect(await of.backlog(SOURCE)).toMatchObject({ events: 0, bytes: 0, oldest: undefined });
  });
});

describe('a full engine', () => {
  test('stores nothing of a request that does not fit, and counts dead letters', async () => {
    const of = await open({ maxBytes: 20_000 });
    expect(await of.append(SOURCE, one(event('a', 9_000)))).toEqual({ type: 'stored' });
    expect(await of.append(SOURCE, one(event('b', 5_000), event('c', 9_000)))).toEqual({ type: 'full' });
    const held = await lease(of);
    expect(await waiting(of, held)).toEqual([event('a', 9_000)]);
    const deadLetters = [{ text: event('a', 1_500), code: 'rejected', message: 'no', status: 400 }];
    const [entry] = await of.read(held, undefined, 1);
    await of.remove(held, { ids: [entry?.id ?? ''], delivered: 0, deadLetters });
    expect(await of.append(SOURCE, one(event('c', 18_500)))).toEqual({ type: 'full' });
    expect(await of.append(SOURCE, one(event('c', 17_000)))).toEqual({ type: 'stored' });
  });

  test('is never filled by dead letters: they get a tenth of it, and the rest is refused', async () => {
    const of = await open({ maxBytes: 100_000 });
    const held = await lease(of);
    for (let round = 0; round < 3; round++) {
      const texts = Array.from({ length: 9 }, (_, index) => event(`${round}-${index}`, 5_000));
      expect(await of.append(SOURCE, one(...texts))).toEqual({ type: 'stored' });
      const ids = idsOf(await of.read(held, undefined, 10));
      const deadLetters = texts.map((text) => ({ text, code: 'rejected', message: '' }));
      expect(await of.remove(held, { ids, delivered: 0, deadLetters })).toBe(true);
    }
    expect(await of.backlog(SOURCE)).toMatchObject({ deadLetters: 1, deadLettersRefused: 26 });
    expect((await of.backlog(SOURCE)).bytes).toBeLessThan(10_000);
  });
});

describe('a disk that fails', () => {
  test('stores nothing of the request, and everything of the next', async () => {
    const fileSystem = new FaultyFileSystem();
    const of = await open({ fileSystem, partitions: 2 });
    const request = (name: string) => [
      { partition: 0, texts: [event(name)] },
      { partition: 1, texts: [event(name)] },
    ];
    await of.append(SOURCE, request('first'));
    const held = [await lease(of, 0), await lease(of, 1)] as const;
    // A reader that has read ahead must not keep what is rolled back.
    expect(await waiting(of, held[0])).toEqual([event('first')]);
    for (const fault of [{ failWrites: 'ENOSPC', partBeforeFailure: 40 }, { failSyncs: 'EIO' }]) {
      Object.assign(fileSystem, fault);
      await expect(of.append(SOURCE, request('lost'))).rejects.toThrow(EngineUnavailableError);
      for (const each of held) expect(await waiting(of, each)).toEqual([event('first')]);
      Object.assign(fileSystem, { failWrites: undefined, failSyncs: undefined, partBeforeFailure: 0 });
    }
    await of.append(SOURCE, request('second'));
    expect((await of.backlog(SOURCE)).events).toBe(4);
    for (const each of held) expect(await waiting(of, each)).toEqual([event('first'), event('second')]);
    const next = await reopen({ partitions: 2 });
    for (const partition of [0, 1])
      expect(await waiting(next, await lease(next, partition))).toEqual([event('first'), event('second')]);
  });

  test('lets nothing be read that is rolled back later', async () => {
    const fileSystem = new FaultyFileSystem();
    const of = await open({ fileSystem });
    await of.append(SOURCE, one(event('first')));
    const held = await lease(of);
    fileSystem.failSyncs = 'EIO';
    const lost = of.append(SOURCE, one(event('lost')));
    // It is in the file already, and a reader has seen it.
    expect(await waiting(of, held)).toEqual([event('first')]);
    await expect(lost).rejects.toThrow('EIO');
    fileSystem.failSyncs = undefined;
    await of.append(SOURCE, one(event('second')));
    expect(await waiting(of, held)).toEqual([event('first'), event('second')]);
  });

  test('never syncs a segment again whose sync has failed', async () => {
    const fileSystem = new FaultyFileSystem();
    const of = await open({ fileSystem });
    await of.append(SOURCE, one(event('first')));
    fileSystem.failSyncs = 'EIO';
    fileSystem.failTruncations = 'EIO';
    await expect(of.append(SOURCE, one(event('unknown')))).rejects.toThrow('EIO');
    fileSystem.failSyncs = undefined;
    fileSystem.failTruncations = undefined;
    await of.append(SOURCE, one(event('second')));
    expect(segments()).toHaveLength(2);
    // The one that couldn't be removed may be sent. What was stored must be.
    const texts = await waiting(of, await lease(of));
    expect(texts.filter((text) => text !== event('unknown'))).toEqual([event('first'), event('second')]);
    const next = await reopen();
    expect(await waiting(next, await lease(next))).toEqual(texts);
  });

  test('that is full keeps nothing from being delivered', async () => {
    const fileSystem = new FaultyFileSystem();
    const of = await open({ fileSystem });
    for (let index = 0; index < 40; index++) await of.append(SOURCE, one(event(index, 30_000)));
    const held = await lease(of);
    fileSystem.failWrites = 'ENOSPC';
    await expect(of.append(SOURCE, one(event('refused')))).rejects.toThrow('ENOSPC');
    for (let left = 40; left > 0; ) {
      const entries = await of.read(held, undefined, 10);
      expect(await of.mark(held, idsOf(entries))).toBe(true);
      await of.unmark(held, idsOf(entries));
      expect(await of.remove(held, { ids: idsOf(entries), delivered: 10, deadLetters: [] })).toBe(true);
      left -= entries.length;
    }
    expect(await of.backlog(SOURCE)).toMatchObject({ events: 0, bytes: 0 });
    fileSystem.failWrites = undefined;
    await of.append(SOURCE, one(event('next')));
    expect(await waiting(of, held)).toEqual([event('next')]);
  });

  test('keeps an event that could not become a dead letter', async () => {
    const fileSystem = new FaultyFileSystem();
    const of = await open({ fileSystem });
    await of.append(SOURCE, one(event('bad')));
    const held = await lease(of);
    const ids = idsOf(await of.read(held, undefined, 1));
    const removal = {
      ids,
      delivered: 0,
      deadLetters: [{ text: event('bad'), code: 'rejected', message: '' }],
    };
    fileSystem.failSyncs = 'EIO';
    await expect(of.remove(held, removal)).rejects.toThrow(EngineUnavailableError);
    expect(await waiting(of, held)).toEqual([event('bad')]);
    expect(await of.deadLetters(SOURCE)).toEqual([]);
    fileSystem.failSyncs = undefined;
    expect(await of.remove(held, removal)).toBe(true);
    expect(await of.deadLetters(SOURCE)).toMatchObject([{ text: event('bad') }]);
  });
});

test('requests that arrive during a sync are synced together', async () => {
  const fileSystem = new FaultyFileSystem();
  const of = await open({ fileSystem });
  const before = fileSystem.syncs;
  await Promise.all(Array.from({ length: 200 }, (_, index) => of.append(SOURCE, one(event(index)))));
  expect(fileSystem.syncs - before).toBeLessThanOrEqual(3);
  expect(await waiting(of, await lease(of))).toHaveLength(200);
});

describe('damage', () => {
  test('of the last record, at every byte, loses nothing else', async () => {
    const of = await open();
    await of.append(SOURCE, one(event('first')));
    const [path = ''] = segments();
    const size = statSync(path).size;
    await of.append(SOURCE, one(event('torn')));
    const whole = readFileSync(path);
    await of.close();
    for (let end = size; end < whole.length; end += 7) {
      writeFileSync(path, whole);
      truncateSync(path, end);
      const next = await open();
      await next.append(SOURCE, one(event('next')));
      expect(await waiting(next, await lease(next)), `at ${end}`).toEqual([event('first'), event('next')]);
      await next.close();
      for (const later of segments().slice(1)) truncateSync(later, 0);
    }
  });

  test('of a record in the middle loses that entry, and is reported', async () => {
    const of = await open();
    for (const name of ['a', 'b', 'c']) await of.append(SOURCE, one(event(name)));
    await of.close();
    const [path = ''] = segments();
    const bytes = readFileSync(path);
    const at = bytes.indexOf('"b"');
    bytes.writeUInt8(0x7a, at + 1);
    writeFileSync(path, bytes);
    const lines: string[] = [];
    const log = pino({}, { write: (line: string) => void lines.push(line) });
    const next = await open({ log });
    expect(await waiting(next, await lease(next))).toEqual([event('a'), event('c')]);
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { level: 50, damaged: 1, msg: 'entries are damaged and were skipped' },
    ]);
  });

  test('of cursor, marks or dead letters loses no event', async () => {
    const of = await open();
    for (const name of ['a', 'b']) await of.append(SOURCE, one(event(name)));
    const held = await lease(of);
    const ids = idsOf(await of.read(held, undefined, 1));
    await of.remove(held, {
      ids,
      delivered: 0,
      deadLetters: [{ text: event('a'), code: 'c', message: 'm' }],
    });
    await of.close();
    for (const path of [...filesIn('/cursor'), ...filesIn('/marks'), ...filesIn('.ndjson')])
      writeFileSync(path, readFileSync(path).fill(0x7a));
    const next = await open();
    expect(await waiting(next, await lease(next))).toEqual([event('a'), event('b')]);
    expect(await next.deadLetters(SOURCE)).toEqual([]);
    await next.append(SOURCE, one(event('c')));
  });
});

describe('dead letters', () => {
  const letters = (from: number, to: number) =>
    Array.from({ length: to - from }, (_, index) => ({
      text: `{"n":1234567890123456789${from + index},\n "event":"inner"}`,
      code: 'rejected',
      message: `refused ${from + index}`,
      status: 400,
    }));

  async function withLetters(): Promise<DiskEngine> {
    const of = await open({ partitions: 2, maxDeadLetters: 5 });
    await of.append(SOURCE, [{ partition: 1, texts: letters(0, 7).map(({ text }) => text) }]);
    const held = await lease(of, 1);
    const ids = idsOf(await of.read(held, undefined, 1));
    await of.remove(held, { ids, delivered: 0, deadLetters: letters(0, 3) });
    await of.remove(held, { ids: [], delivered: 0, deadLetters: letters(3, 7) });
    await of.release(held);
    return of;
  }

  test('are kept in order up to a limit, with what was refused, also by the next process', async () => {
    const of = await withLetters();
    const listed = await of.deadLetters(SOURCE);
    const onOneLine = letters(0, 5).map((letter) => ({ ...letter, text: letter.text.replace('\n', ' ') }));
    expect(listed).toMatchObject(onOneLine);
    expect(await of.backlog(SOURCE)).toMatchObject({ events: 0, deadLetters: 5, deadLettersRefused: 2 });
    expect(await of.deadLetters(SOURCE, listed[1]?.id, 2)).toEqual(listed.slice(2, 4));
    const next = await reopen({ partitions: 2 });
    expect(await next.deadLetters(SOURCE)).toEqual(listed);
  });

  test('are stored again at the end of their partition, and are gone', async () => {
    const of = await withLetters();
    await of.append(SOURCE, [{ partition: 1, texts: [event('waiting')] }]);
    const ids = (await of.deadLetters(SOURCE)).map(({ id }) => id);
    expect(await of.removeDeadLetters(SOURCE, [...ids.slice(0, 2), 'unknown'])).toBe(2);
    const expected = [event('waiting'), ...letters(0, 2).map(({ text }) => text.replace('\n', ' '))];
    expect(await waiting(of, await lease(of, 1))).toEqual(expected);
    const next = await reopen({ partitions: 2 });
    expect((await next.deadLetters(SOURCE)).map(({ id }) => id)).toEqual(ids.slice(2));
    expect(await waiting(next, await lease(next, 1))).toEqual(expected);
  });
});

test('marks outlive the process until they are taken away', async () => {
  const first = await open();
  for (const name of ['a', 'b', 'c']) await first.append(SOURCE, one(event(name)));
  const held = await lease(first);
  const [a = '', b = ''] = idsOf(await first.read(held, undefined, 3));
  expect(await first.mark(held, [a, b])).toBe(true);
  const second = await reopen();
  const again = await lease(second);
  const marksOf = async (of: DiskEngine, from: Lease) =>
    (await of.read(from, undefined, 3)).map(({ marks }) => marks);
  expect(await marksOf(second, again)).toEqual([1, 1, 0]);
  await second.mark(again, [a]);
  await second.unmark(again, [b]);
  const third = await reopen();
  expect(await marksOf(third, await lease(third))).toEqual([2, 0, 0]);
});

describe('a directory', () => {
  test('is used by one relay at a time', async () => {
    const of = await open();
    const other = { directory: scratch.at('events'), partitions: 1, maxBytes: 1_000, sources: [SOURCE] };
    const log = pino({ level: 'silent' });
    await expect(openDiskEngine({ ...other, relayId: 'other', log })).rejects.toThrow(
      /another relay uses .*--directory of its own/,
    );
    await of.close();
    await (await openDiskEngine({ ...other, relayId: 'other', log })).close();
  });

  /** Leaves what a relay leaves that was killed. */
  function leaveDead(round: number): void {
    const directory = scratch.at('events');
    const holder = `dead00000000000${round}`;
    const file = writeHolderFile({ boot: bootId(), listens: true, count: 1 });
    writeFileSync(join(directory, `${holder}.holder`), file);
    const numbers = readdirSync(directory).flatMap((name) => /^lock\.(\d+)$/.exec(name)?.[1] ?? []);
    symlinkSync(`${holder}.holder`, join(directory, `lock.${Math.max(...numbers.map(Number)) + 1}`));
  }

  test('of a relay that was killed is taken by one of several that start at the same time', async () => {
    await (await open()).close();
    const log = pino({ level: 'silent' });
    for (let round = 0; round < 5; round++) {
      leaveDead(round);
      const results = await Promise.allSettled(
        Array.from({ length: 8 }, () =>
          openDiskEngine({
            directory: scratch.at('events'),
            partitions: 1,
            maxBytes: 1_000,
            sources: [SOURCE],
            relayId: 'one of them',
            log,
          }),
        ),
      );
      const winners = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
      expect(winners).toHaveLength(1);
      await winners[0]?.close();
    }
  });

  test('keeps its number of partitions until it is empty', async () => {
    const of = await open({ partitions: 2 });
    await of.append(SOURCE, one(event('a')));
    await of.close();
    await expect(open({ partitions: 4 })).rejects.toThrow(/run with --partitions 2 until they are delivered/);
    const same = await open({ partitions: 2 });
    await drained(same, await lease(same));
    await same.close();
    expect((await open({ partitions: 4 })).partitions).toBe(4);
  });

  test('takes another number of partitions although events wait whose key is not listed, and keeps them', async () => {
    const of = await open({ partitions: 4, sources: [SOURCE, OTHER] });
    await of.append(OTHER, [{ partition: 3, texts: [event('a')] }]);
    await of.close();
    const fewer = await open({ partitions: 2 });
    await fewer.append(SOURCE, one(event('b')));
    await fewer.close();
    await expect(open({ partitions: 2, sources: [OTHER] })).rejects.toThrow(
      `has events of source ${OTHER} in 4 partitions; run with --partitions 4`,
    );
    const same = await open({ partitions: 2 });
    expect(await drained(same, await lease(same))).toEqual([event('b')]);
    await same.close();
    const back = await open({ partitions: 4, sources: [SOURCE, OTHER] });
    expect(await drained(back, await lease(back, 3, OTHER))).toEqual([event('a')]);
    await back.close();
    expect((await open({ partitions: 2, sources: [SOURCE, OTHER] })).partitions).toBe(2);
  });

  test('whose files others have replaced by links is used, and nothing is written to where they lead', async () => {
    const of = await open();
    await of.append(SOURCE, one(event('a')));
    const from = await lease(of);
    const ids = idsOf(await of.read(from, undefined, 1));
    const refused = { text: event('a'), code: 'rejected', message: '' };
    await of.remove(from, { ids, delivered: 0, deadLetters: [refused] });
    const target = scratch.write('target', 'as it was');
    for (const name of [`${SOURCE}/dead.ndjson.new`, 'relay.json.new'])
      symlinkSync(target, join(scratch.at('events'), name));
    const [dead] = await of.deadLetters(SOURCE);
    expect(await of.removeDeadLetters(SOURCE, [dead?.id ?? ''])).toBe(1);
    expect(await drained(of, from)).toHaveLength(1);
    await reopen({ partitions: 2 });
    expect(readFileSync(target, 'utf8')).toBe('as it was');
  });

  test('takes no request and gives no answer by a link or a pipe', async () => {
    const target = scratch.write('target', JSON.stringify({ source: SOURCE, ids: ['link'] }));
    const place = (name: string) => scratch.at(`replay-000000000000000${name}`);
    const request = (id: string) =>
      scratch.write(`replay-000000000000000${id}.request`, JSON.stringify({ source: SOURCE, ids: [id] }));
    symlinkSync(target, place('1.request'));
    execFileSync('mkfifo', [place('2.request')]);
    request('3');
    symlinkSync(target, place('3.new'));
    request('4');
    const replayed: string[] = [];
    await answerRequests(scratch.path, async (_, ids) => replayed.push(...ids));
    expect(replayed).toEqual(['3', '4']);
    expect(JSON.parse(readFileSync(target, 'utf8')).ids).toEqual(['link']);
    const left = readdirSync(scratch.path).filter((name) => /\.(request|answer)$/.test(name));
    expect(left).toEqual(['replay-0000000000000004.answer']);
  });

  test('is not held for longer or shorter when the clock is set', async () => {
    const of = await open();
    await of.hold(SOURCE, 60_000);
    for (const step of [-3_600_000, 3_600_000]) {
      const clock = vi.spyOn(Date, 'now').mockReturnValue(Date.now() + step);
      const left = await of.hold(SOURCE);
      clock.mockRestore();
      expect(left).toBeGreaterThan(50_000);
      expect(left).toBeLessThanOrEqual(60_000);
    }
  });

  test('whose parent is missing, or that is of a newer format, is refused with a remedy', async () => {
    await expect(open({ directory: scratch.at('no/such/parent') })).rejects.toThrow(/its parent must exist/);
    await (await open()).close();
    writeFileSync(join(scratch.at('events'), 'relay.json'), '{"format":2,"partitions":1}\n');
    await expect(open()).rejects.toThrow(/format 2.*use the version that wrote it/);
  });

  test('with events of a key that is not listed keeps them, and says so', async () => {
    const of = await open({ sources: [SOURCE, OTHER] });
    await of.append(OTHER, one(event('a')));
    await of.close();
    const lines: string[] = [];
    const log = pino({}, { write: (line: string) => void lines.push(line) });
    await (await open({ log })).close();
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([{ level: 40, sources: [OTHER] }]);
    const back = await open({ sources: [SOURCE, OTHER] });
    expect(await waiting(back, await lease(back, 0, OTHER))).toEqual([event('a')]);
  });
});
