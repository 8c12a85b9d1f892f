// History from a file: each line arrives once and as it was, or is put aside with the reason; memory stays as it is.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream, existsSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { type ReceivedEvent, startTrackingApi, type TrackingApi } from '@offthread/devtools';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type CliOptions, offthread, SECRET, startOffthread } from '../helpers/cli.js';
import { withFolder } from '../helpers/folder.js';

const MEGABYTE = 1024 * 1024;

let api: TrackingApi;
let folder = '';
withFolder((path) => {
  folder = path;
});
beforeAll(async () => {
  api = await startTrackingApi();
});
beforeEach(() => api.reset());
afterAll(() => api.close());

/** Imports what lies in the folder. */
function importFile(file: string, args: string[] = [], options: CliOptions = {}) {
  return offthread(['import', file, '--host', api.url, ...args], { cwd: folder, ...options });
}

function inFolder(name: string): string {
  return join(folder, name);
}

function read(name: string): string {
  return readFileSync(inFolder(name), 'utf8');
}

/** One event as it stands in a file of history. */
function historic(n: number, fields: object = {}): object {
  const timestamp = new Date(Date.UTC(2019, 4, 1) + n * 1_000).toISOString();
  return {
    type: 'track',
    userId: `user-${n % 100}`,
    event: 'Order Completed',
    timestamp,
    properties: { n },
    ...fields,
  };
}

function lines(count: number, fields: (n: number) => object = () => ({})): string[] {
  return Array.from({ length: count }, (_, n) => JSON.stringify(historic(n, fields(n))));
}

function write(name: string, content: string[] | Buffer): void {
  writeFileSync(inFolder(name), Array.isArray(content) ? `${content.join('\n')}\n` : content);
}

function numbersOf(events: readonly ReceivedEvent[]): unknown[] {
  return events.map(({ properties }) => properties?.['n']);
}

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, n) => n);
}

describe('what arrives', () => {
  const messageId = (n: number): object => ({ messageId: `message-${n}` });

  test.each([
    ['a plain file', (text: string) => Buffer.from(text), 'file'],
    ['a gzip file', (text: string) => gzipSync(text), 'file'],
    // As `cat a.gz b.gz` makes it.
    [
      'a gzip file of two parts',
      (text: string) => Buffer.concat([gzipSync(text.slice(0, 999)), gzipSync(text.slice(999))]),
      'file',
    ],
    ['stdin', (text: string) => Buffer.from(text), 'stdin'],
    ['gzip on stdin', (text: string) => gzipSync(text), 'stdin'],
  ] as const)(
    '%s: every event arrives once, in order, with its timestamp and messageId',
    async (_, pack, place) => {
      const content = lines(3_000, messageId);
      // The last line has no end, and one line is blank, and one comes from Windows.
      const bytes = pack(`${content[0]}\r\n\n${content.slice(1).join('\n')}`);
      if (place === 'file') write('events', bytes);
      const end = await (place === 'file' ? importFile('events') : importFile('-', [], { input: bytes }));
      expect(end).toMatchObject({ code: 0, stderr: '' });
      expect(end.stdout).toMatch(
        /Imported 3,001 lines .*\n {2}delivered {2}3,000\n {2}failed {5}0\n {2}blank {6}1\n/,
      );
      const events = await api.events();
      expect(numbersOf(events)).toEqual(upTo(3_000));
      expect(events.map(({ messageId }) => messageId)).toEqual(upTo(3_000).map((n) => `message-${n}`));
      expect(events[7]?.timestamp).toBe('2019-05-01T00:00:07.000Z');
      if (place === 'file') expect(existsSync(inFolder('events.import.json'))).toBe(false);
    },
  );

  test('everything arrives after an outage, and its beginning and end are reported', async () => {
    await api.script([
      { type: 'answer', status: 503, body: 'busy' },
      { type: 'answer', status: 500 },
    ]);
    write('events', lines(10));
    const { code, stderr } = await importFile('events', ['--progress', '0']);
    expect(code).toBe(0);
    expect(stderr.trimEnd().split('\n')).toEqual([
      "offthread: The API doesn't accept events (status 503, busy). Retrying.",
      'offthread: The API accepts events again.',
    ]);
    expect(await api.events()).toHaveLength(10);
  });

  test('all six types arrive, and so does an archive of events with the fields that the API had added', async () => {
    const added = {
      receivedAt: 'x',
      sentAt: 'x',
      originalTimestamp: '2019-05-01T12:00:00Z',
      projectId: 'p',
      channel: 'server',
      version: 2,
    };
    write('events', [
      JSON.stringify({ type: 'identify', userId: '1', traits: { a: 1 }, ...added }),
      JSON.stringify({ type: 'page', anonymousId: '1', name: 'Home' }),
      JSON.stringify({ type: 'screen', anonymousId: '1', name: 'Home' }),
      JSON.stringify({ type: 'group', userId: '1', groupId: 'g' }),
      JSON.stringify({ type: 'alias', userId: '1', previousId: '2' }),
      `{"type":"track","userId":12345678901234567890,"event":"Done"}`,
    ]);
    const { code, stdout } = await importFile('events');
    expect(code).toBe(0);
    expect(stdout).toContain('Without a timestamp: 5');
    const events = await api.events();
    expect(events.map(({ type }) => type)).toEqual(['identify', 'page', 'screen', 'group', 'alias', 'track']);
    expect(Object.keys(events[0] ?? {}).sort()).toEqual([
      'context',
      'messageId',
      'timestamp',
      'traits',
      'type',
      'userId',
    ]);
    expect(events[5]?.userId).toBe('12345678901234567890');
  });

  test.each([[[]], [['--dry-run']]])('timestamps that look like seconds are counted, %o', async (args) => {
    const times = [1_556_712_000, 1_556_712_000.5, -999_999_999, 1_556_712_000_000, 0, 86_400_000 * 3_650];
    const text = times.map((timestamp, n) => JSON.stringify(historic(n, { timestamp }))).join('\n');
    writeFileSync(inFolder('seconds.ndjson'), text);
    const people = await importFile('seconds.ndjson', args);
    expect(people.code).toBe(0);
    expect(people.stdout).toContain(
      'Timestamps that look like seconds: 3, read as milliseconds, so around 1970.',
    );
    const { stdout } = await importFile('seconds.ndjson', [...args, '--restart', '--json']);
    expect(JSON.parse(stdout)).toMatchObject({ delivered: 6, inSeconds: 3, undated: 0 });
  });

  test('seconds are not mentioned if no timestamp looks like them', async () => {
    writeFileSync(inFolder('milliseconds.ndjson'), JSON.stringify(historic(1)));
    expect((await importFile('milliseconds.ndjson')).stdout).not.toContain('seconds:');
  });

  test('a second run has the same messageIds, which are derived from the content if there are none', async () => {
    write('events', [...lines(500), ...lines(500, (n) => ({ messageId: `own-${n}` }))]);
    // The same events with other white space are the same events.
    write('again', [...lines(500).map((line) => ` ${line.replaceAll(',', ', ')}`)]);
    await importFile('events');
    expect(await api.counts()).toMatchObject({ events: 1_000, duplicates: 0 });
    await importFile('events');
    await importFile('again');
    expect(await api.counts()).toMatchObject({ events: 2_500, duplicates: 1_500 });
    for (const id of await api.messageIds()) expect(id.length).toBeLessThanOrEqual(100);
  });
});

describe('lines that fail', () => {
  const bad = [
    'no json',
    '["a"]',
    '{"type":"trakc","userId":"1"}',
    '{"userId":"1"}',
    '{"type":"track","event":"No One"}',
    '{"type":"track","userId":"1","event":"Extra","properites":{}}',
    '{"type":"identify","userId":"1","timestamp":"yesterday"}',
    '{"type":"identify","userId":"1","timestamp":"2019-02-30T10:00:00Z"}',
    '{"type":"identify","userId":"1","timestamp":1556712000000000}',
    JSON.stringify(historic(0, { properties: { filling: 'x'.repeat(33_000) } })),
  ];
  const latin1 = Buffer.concat([
    Buffer.from('{"type":"identify","userId":"'),
    Buffer.from([0xe4]),
    Buffer.from('"}'),
  ]);

  test('are reported with their numbers, and saved unchanged, with the reasons in another file', async () => {
    const good = lines(20);
    const text = [...good.slice(0, 10), ...bad, ...good.slice(10)].join('\n');
    write('events', Buffer.concat([Buffer.from(`${text}\n`), latin1, Buffer.from('\n')]));
    const { code, stdout, stderr } = await importFile('events');
    expect(code).toBe(1);
    expect(stdout).toMatch(/delivered {2}20\n {2}failed {5}11 {2}in events\.failed\.ndjson/);
    const told = stderr.trim().split('\n');
    expect(told.map((line) => line.split(': ')[1])).toEqual(
      [11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 31].map((number) => `line ${number}`),
    );
    expect(told[0]).toContain('not valid JSON');
    expect(told[2]).toContain('got "trakc"');
    expect(told[5]).toContain("did you mean 'properties'");
    expect(told[7]).toContain("got '2019-02-30T10:00:00Z', which does not exist");
    expect(told[8]).toContain('looks like microseconds');
    expect(told[10]).toContain('not valid UTF-8');
    const aside = Buffer.concat([Buffer.from(`${bad.join('\n')}\n`), latin1, Buffer.from('\n')]);
    expect(readFileSync(inFolder('events.failed.ndjson')).equals(aside)).toBe(true);
    const reasons = read('events.failed.ndjson.reasons')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(reasons.map(({ line }) => line)).toEqual([11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 31]);
    expect(reasons[9]).toMatchObject({ source: 'events', code: 'event_too_large' });
    expect(numbersOf(await api.events())).toEqual(upTo(20));
  });

  test('can be corrected and imported again', async () => {
    write('events', [...lines(3), '{"type":"identify","user":"1"}']);
    expect((await importFile('events', ['--dead-letter', 'aside'])).code).toBe(1);
    writeFileSync(inFolder('aside'), read('aside').replace('"user"', '"userId"'));
    expect((await importFile('aside')).code).toBe(0);
    expect((await api.events()).at(-1)).toMatchObject({ type: 'identify', userId: '1' });
  });

  test('are appended to an existing file, even if its last line has no line break', async () => {
    writeFileSync(inFolder('aside'), '{"kept":true}');
    write('events', ['no json']);
    await importFile('events', ['-d', 'aside']);
    expect(read('aside')).toBe('{"kept":true}\nno json\n');
  });

  test('fail alone if the API refuses them', async () => {
    await api.rules([{ match: { messageId: 'message-70' }, behaviour: { type: 'answer', status: 400 } }]);
    write(
      'events',
      lines(150, (n) => ({ messageId: `message-${n}` })),
    );
    const { code, stderr } = await importFile('events');
    expect({ code, stderr }).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^offthread: line 71: .*400/),
    });
    expect(read('events.failed.ndjson')).toContain('message-70');
    expect(new Set(await api.messageIds()).size).toBe(149);
    expect((await api.counts()).duplicates).toBe(0);
  });

  test('are only in the file beyond the twentieth', async () => {
    write(
      'events',
      Array.from({ length: 50 }, () => 'no json'),
    );
    const { stderr } = await importFile('events');
    expect(stderr.match(/^offthread: line \d+/gm)).toHaveLength(20);
    expect(stderr).toContain('More failures are listed in events.failed.ndjson.reasons');
    expect(read('events.failed.ndjson').trim().split('\n')).toHaveLength(50);
  });
});

describe('an import that is interrupted', { timeout: 60_000 }, () => {
  const COUNT = 20_000;
  const numbers = (n: number): object => ({ messageId: `message-${n}` });
  // Twenty requests at least: eight seconds, in which there is time for a signal even on a busy machine.
  const slowly = { type: 'ok', delayMs: 400 } as const;

  test.each(['plain', 'gzip'])(
    'continues after Ctrl-C with the same command: nothing is lost or sent twice (%s)',
    async (kind) => {
      const content = Buffer.from(`${['no json', ...lines(COUNT, numbers), 'no json either'].join('\n')}\n`);
      write('events', kind === 'gzip' ? gzipSync(content) : content);
      await api.script([{ type: 'ok', times: 5 }]);
      await api.behave(slowly);
      const { child, end } = startOffthread(['import', 'events', '--host', api.url], { cwd: folder });
      await api.waitFor({ requests: 6, timeoutMs: 20_000 });
      child.kill('SIGINT');
      const first = await end;
      expect(first.code).toBe(130);
      expect(first.stdout).toContain('The same command continues there');
      const arrived = (await api.counts()).events;
      expect(arrived).toBeLessThan(COUNT);
      expect(JSON.parse(read('events.import.json'))).toMatchObject({
        position: { line: arrived + 1 },
        tally: { delivered: arrived, failed: 1 },
      });

      await api.behave({ type: 'ok' });
      const second = await importFile('events', ['--json']);
      expect(second.stderr).toContain(`Continuing after line ${arrived + 1}`);
      expect(JSON.parse(second.stdout)).toMatchObject({
        ending: 'done',
        delivered: COUNT,
        failed: 2,
        line: COUNT + 2,
      });
      expect(numbersOf(await api.events())).toEqual(upTo(COUNT));
      expect(read('events.failed.ndjson')).toBe('no json\nno json either\n');
      expect(existsSync(inFolder('events.import.json'))).toBe(false);
    },
  );

  test('by SIGKILL loses nothing, and what is sent twice has the same messageId', async () => {
    write('events', lines(COUNT));
    await api.behave(slowly);
    const { child, end } = startOffthread(['import', 'events', '--host', api.url], { cwd: folder });
    const settled = (): number => {
      if (!existsSync(inFolder('events.import.json'))) return 0;
      const { position } = JSON.parse(read('events.import.json')) as { position: { line: number } };
      return position.line;
    };
    await expect.poll(settled, { timeout: 15_000 }).toBeGreaterThan(0);
    child.kill('SIGKILL');
    expect((await end).signal).toBe('SIGKILL');
    expect((await api.counts()).events).toBeLessThan(COUNT);
    await api.behave({ type: 'ok' });
    expect((await importFile('events')).code).toBe(0);
    const events = await api.events();
    expect([...new Set(numbersOf(events))]).toEqual(upTo(COUNT));
    expect(new Set(events.map(({ messageId }) => messageId)).size).toBe(COUNT);
  });

  test('ends at once on a second Ctrl-C, and with 143 on SIGTERM, and its position is kept', async () => {
    write('events', lines(100));
    await api.behave({ type: 'hang' });
    const { child, end } = startOffthread(['import', 'events', '--host', api.url], { cwd: folder });
    await api.waitFor({ requests: 1, timeoutMs: 15_000 });
    child.kill('SIGTERM');
    await once(child.stderr ?? child, 'data');
    child.kill('SIGTERM');
    expect((await end).code).toBe(143);
    expect(JSON.parse(read('events.import.json'))).toMatchObject({ position: { line: 0, offset: 0 } });
  });

  test('by a wrong write key stops before the first affected line, and no line fails', async () => {
    write('events', lines(2_500, numbers));
    await api.script([{ type: 'ok' }]);
    await api.behave({ type: 'answer', status: 401 });
    const first = await importFile('events');
    expect(first).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/stopped after line \d+: .*write key/),
    });
    expect(existsSync(inFolder('events.failed.ndjson'))).toBe(false);
    await api.behave({ type: 'ok' });
    expect((await importFile('events')).code).toBe(0);
    expect(numbersOf(await api.events())).toEqual(upTo(2_500));
  });

  test('by gzip data that ends too early fails after the last complete line', async () => {
    // Lines that do not compress, so that much of the file is still readable.
    const pad = (n: number): object => ({
      context: { pad: createHash('sha512').update(String(n)).digest('hex') },
    });
    const bytes = gzipSync(lines(2_000, pad).join('\n'));
    write('events', bytes.subarray(0, bytes.length / 2));
    const { code, stderr } = await importFile('events');
    expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringContaining('ends too early') });
    const arrived = numbersOf(await api.events());
    expect(arrived.length).toBeGreaterThan(100);
    expect(arrived).toEqual(upTo(arrived.length));
    expect(JSON.parse(read('events.import.json'))).toMatchObject({ position: { line: arrived.length } });
  });

  test('does not continue with a changed input or another destination; --restart starts over', async () => {
    write('events', lines(300, numbers));
    await api.behave({ type: 'answer', status: 401 });
    await importFile('events');
    await api.behave({ type: 'ok' });
    const elsewhere = await importFile('events', ['--path', '/v1/import']);
    expect(elsewhere).toMatchObject({ code: 2, stderr: expect.stringContaining('--restart') });
    utimesSync(inFolder('events'), new Date(), new Date(Date.now() + 5_000));
    const changed = await importFile('events');
    expect(changed).toMatchObject({ code: 2, stderr: expect.stringMatching(/has changed.*--restart/) });
    expect((await api.counts()).events).toBe(0);
    expect((await importFile('events', ['--restart'])).code).toBe(0);
    expect(numbersOf(await api.events())).toEqual(upTo(300));
  });
});

describe('an import', () => {
  test('of 150,000 lines takes no more memory than one of 10,000', { timeout: 120_000 }, async () => {
    const few = inFolder('few');
    const many = inFolder('many');
    const pad = 'x'.repeat(1_150);
    await writeMany(few, 10_000);
    await writeMany(many, 150_000);
    // 170 MB more of input, and a good part of it in memory if anything held on to it.
    const [less, more] = [await peakOf(few), await peakOf(many)];
    expect(more - less).toBeLessThan(80 * MEGABYTE);
    expect(more).toBeLessThan(400 * MEGABYTE);

    async function writeMany(path: string, count: number): Promise<void> {
      const file = createWriteStream(path);
      for (let n = 0; n < count; n += 1_000) {
        const some = Array.from({ length: 1_000 }, (_, m) =>
          JSON.stringify(historic(n + m, { context: { pad } })),
        );
        if (!file.write(`${some.join('\n')}\n`)) await once(file, 'drain');
      }
      file.end();
      await once(file, 'close');
    }

    async function peakOf(path: string): Promise<number> {
      await using counting = await startTrackingApi({ record: 'count' });
      const peak = inFolder('peak');
      const { code, stdout } = await offthread(['import', path, '--host', counting.url, '--json'], {
        preload: ['peak-memory.mjs'],
        // V8 lets its young generation grow before it collects: by a hundred MB on Node.js 24 and later, which is garbage
        // and levels off. What is held would be beyond this bound.
        env: { PEAK_MEMORY_FILE: peak, NODE_OPTIONS: '--max-semi-space-size=4' },
      });
      expect(code).toBe(0);
      const { delivered } = JSON.parse(stdout) as { delivered: number };
      expect(await counting.counts()).toMatchObject({ events: delivered, duplicates: 0, refused: 0 });
      expect(delivered).toBe(path === many ? 150_000 : 10_000);
      return Number(readFileSync(peak, 'utf8'));
    }
  });

  test('with --rate is no faster than that', async () => {
    write('events', lines(60));
    const { code, stdout } = await importFile('events', ['--rate', '20', '--json']);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ delivered: 60 });
    // Sixty at twenty a second are three seconds, of which the first may pass while the worker thread starts.
    const requests = await api.requests();
    const spread = (requests.at(-1)?.receivedMs ?? 0) - (requests[0]?.receivedMs ?? 0);
    expect(spread).toBeGreaterThan(1_500);
  });

  test('with --dry-run checks every line, needs no write key, sends nothing and writes no file', async () => {
    write('events', [...lines(10), 'no json', ...Array.from({ length: 30 }, () => '{}')]);
    const end = await importFile('events', ['--dry-run'], { env: { OFFTHREAD_WRITE_KEY: undefined } });
    expect(end.code).toBe(1);
    expect(end.stdout).toMatch(/Checked 41 lines .*\n {2}good {7}10\n {2}failed {5}31\n/);
    // No file has them, so all of them are told.
    expect(end.stderr.match(/^offthread: line \d+: /gm)).toHaveLength(31);
    expect(await api.counts()).toMatchObject({ requests: 0 });
    expect(existsSync(inFolder('events.failed.ndjson'))).toBe(false);
    expect(existsSync(inFolder('events.import.json'))).toBe(false);
  });

  test('shows a bar with rate and remaining time on a terminal, and a line now and then in a pipe', async () => {
    write('events', [...lines(150), 'no json']);
    const args = ['--rate', '75', '--progress', '1'];
    const [terminal, pipe] = [
      await importFile('events', args, { preload: ['as-terminal.mjs'] }),
      await importFile('events', args),
    ];
    expect(terminal.stderr).toMatch(/=+-+ {2}\d+% {2}\d+ lines {2}\d+\/s {2}\d+s left/);
    expect(terminal.stderr).toContain('line 151: not valid JSON');
    expect(pipe.stderr).toMatch(/^\d+% {2}\d+ lines {2}\d+\/s {2}\d+s left$/m);
    expect(pipe.stderr).not.toContain('\u001b');
  });

  test('exits with 2 for a mistake in the command, and names it', async () => {
    write('events', lines(1));
    write('events.import.json', ['{"other":"program"}']);
    const mistakes: [string[], RegExp][] = [
      [['nosuch'], /nosuch: there is no such file/],
      [['.'], /is a directory/],
      [['events', '--rate', '0'], /at least 1/],
      [['events', '--dead-letter', './events'], /choose another one/],
      [['events'], /events\.import\.json is not the state of an import/],
      [['-', '--state', 'x'], /--state needs a file/],
      [['events', '--host', 'http://example.com'], /https/],
      [[], /missing required argument 'file'/],
    ];
    const ends = await Promise.all(mistakes.map(([args]) => offthread(['import', ...args], { cwd: folder })));
    for (const [index, { code, stdout, stderr }] of ends.entries()) {
      expect({ code, stdout }, mistakes[index]?.[0].join(' ')).toEqual({ code: 2, stdout: '' });
      expect(stderr).toMatch(mistakes[index]?.[1] ?? '');
    }
    const keyless = await importFile('events', ['--restart'], { env: { OFFTHREAD_WRITE_KEY: undefined } });
    expect(keyless).toMatchObject({ code: 2, stderr: expect.stringContaining('OFFTHREAD_WRITE_KEY') });
    expect(read('events.import.json')).not.toContain(SECRET);
  });
});
