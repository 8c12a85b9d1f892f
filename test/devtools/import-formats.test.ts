// JSON arrays, and CSV with a header. Other formats are recognized by their first bytes and named in the error.
import { existsSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { historic, line, numbersOf, withImportFolder } from '../helpers/import-folder.js';

const folder = withImportFolder();

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, n) => n);
}

describe('a JSON array', () => {
  const events = upTo(3_000).map((n) =>
    historic(n, { messageId: `m-${n}`, context: { text: 'a ] "quoted\\" } [ , {' } }),
  );

  test.each([
    ['on one line', JSON.stringify(events)],
    ['over many lines', JSON.stringify(events, null, 2)],
    ['one event a line', `[\r\n${events.map((event) => JSON.stringify(event)).join(',\r\n')}\r\n]\r\n`],
    ['behind a byte order mark and blanks', `\uFEFF \n${JSON.stringify(events)}`],
    ['after another', `${JSON.stringify(events.slice(0, 999))}\n${JSON.stringify(events.slice(999))}`],
    [
      'that is not an array, but objects over many lines',
      events.map((event) => JSON.stringify(event, null, 2)).join('\n'),
    ],
  ])('%s: each element is an event', async (_, text) => {
    folder.write('events.json', text);
    const { code, stdout, stderr } = await folder.run('events.json');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain('Imported 3,000 elements');
    expect(numbersOf(await folder.api.events())).toEqual(upTo(3_000));
  });

  test('gzip on stdin', async () => {
    const { code } = await folder.run('-', [], { input: gzipSync(JSON.stringify(events, null, 1)) });
    expect(code).toBe(0);
    expect(numbersOf(await folder.api.events())).toEqual(upTo(3_000));
  });

  test('an invalid element fails alone, and is saved as a line', async () => {
    const text = `[${line(0)},\n{"type":"track",\n "userId":"1"},\n nonsense, "text", [${line(9)}],\n {"type":"ident\nify"},\n${line(1)} ]`;
    folder.write('events.json', text);
    const { code, stderr } = await folder.run('events.json');
    expect(code).toBe(1);
    expect(numbersOf(await folder.api.events())).toEqual([0, 1]);
    expect(stderr).toMatch(/element 2: .*\n.*element 3: /);
    const aside = folder.read('events.json.failed.ndjson').trim().split('\n');
    expect(aside.slice(0, 4)).toEqual([
      '{"type":"track", "userId":"1"}',
      'nonsense',
      '"text"',
      `[${line(9)}]`,
    ]);
    expect(folder.reasons('events.json.failed.ndjson.reasons')).toHaveLength(aside.length);
  });

  test('an element without its end costs at most the next one', async () => {
    const lines = upTo(6).map((n) => line(n));
    lines[2] = (lines[2] ?? '').slice(0, -1);
    lines[4] = (lines[4] ?? '').slice(0, (lines[4] ?? '').indexOf(' Completed'));
    folder.write('events.json', `[${lines.join(',\n')}]`);
    const { code, stdout } = await folder.run('events.json', ['--json']);
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ ending: 'done', delivered: 4, failed: 2 });
    expect(numbersOf(await folder.api.events())).toEqual([0, 1, 3, 5]);
    expect(folder.read('events.json.failed.ndjson')).toBe(`${lines[2]}\n${lines[4]}\n`);
  });

  test('one that is cut off is imported up to its last complete element', async () => {
    const text = JSON.stringify(events);
    folder.write('events.json', text.slice(0, text.length / 2));
    const { code, stderr } = await folder.run('events.json');
    expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringContaining('cut off') });
    const arrived = numbersOf(await folder.api.events());
    expect(arrived.length).toBeGreaterThan(1_000);
    expect(arrived).toEqual(upTo(arrived.length));
    expect(existsSync(`${folder.path}/events.json.import.json`)).toBe(true);
  });

  test('after Ctrl-C the same command continues with the next element', async () => {
    folder.write('events.json', JSON.stringify(events, null, 2));
    await folder.api.script([{ type: 'ok' }, { type: 'ok' }]);
    await folder.api.behave({ type: 'hang' });
    const { child, end } = folder.start('events.json', ['--rate', '2000']);
    await folder.api.waitFor({ requests: 3, timeoutMs: 20_000 });
    child.kill('SIGINT');
    child.stderr?.once('data', () => child.kill('SIGINT'));
    expect((await end).code).toBe(130);
    await folder.api.behave({ type: 'ok' });
    const { code, stdout } = await folder.run('events.json', ['--json']);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ delivered: 3_000, failed: 0 });
    expect([...new Set(numbersOf(await folder.api.events()))]).toEqual(upTo(3_000));
  });
});

describe('CSV', () => {
  test('cells become fields by the names in the header, text beside the properties and numbers within', async () => {
    folder.write(
      'events.csv',
      [
        'type,userId,event,timestamp,messageId,properties.revenue,properties.paid,properties.zip,properties.name,context.page.url,traits.age,properties.id',
        'track,0042,Ordered,2019-05-01T12:00:00Z,m1,39.95,true,01067,"Stool, ""tall""\r\nand round",https://example.com,,12345678901234567890',
        'identify,42,,1556712000000,m2,,,,,,36,',
      ].join('\r\n'),
    );
    const { code, stdout, stderr } = await folder.run('events.csv');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain('Imported 2 rows');
    expect(await folder.api.events()).toMatchObject([
      {
        userId: '0042',
        event: 'Ordered',
        timestamp: '2019-05-01T12:00:00.000Z',
        messageId: 'm1',
        properties: {
          revenue: 39.95,
          paid: true,
          zip: '01067',
          name: 'Stool, "tall"\r\nand round',
          id: '12345678901234567890',
        },
        context: { page: { url: 'https://example.com' } },
      },
      { type: 'identify', userId: '42', timestamp: '2019-05-01T12:00:00.000Z', traits: { age: 36 } },
    ]);
  });

  test.each([
    ['commas', ','],
    ['semicolons', ';'],
    ['tabs', '\t'],
  ])('with %s, as a table of a warehouse', async (_, delimiter) => {
    const rows = [
      [
        'id',
        'user_id',
        'event',
        'event_text',
        'received_at',
        'revenue',
        'context_library_name',
        'context_os_version',
      ],
      ['m1', '42', 'ordered', 'Ordered', '2019-05-01 12:00:00 UTC', '39.95', 'analytics-ruby', '17.0'],
      ['m2', '43', 'ordered', 'Ordered', '2019-05-01 12:00:01 UTC', '\\N', '', ''],
    ];
    folder.write(
      'events',
      rows.map((row) => row.join(delimiter)),
    );
    expect(await folder.run('events', ['--type', 'track'])).toMatchObject({ code: 0, stderr: '' });
    expect(await folder.api.events()).toMatchObject([
      {
        type: 'track',
        messageId: 'm1',
        userId: '42',
        event: 'Ordered',
        properties: { revenue: 39.95 },
        context: { library: { name: 'analytics-ruby' }, os: { version: '17.0' } },
      },
      { messageId: 'm2', timestamp: '2019-05-01T12:00:01.000Z' },
    ]);
  });

  test('JSON in a cell is an object', async () => {
    folder.write('events.csv', [
      'type,user_id,event,properties,context,timestamp',
      'track,42,E,"{""n"":1,""big"":12345678901234567.89}",{},2019-05-01',
    ]);
    expect((await folder.run('events.csv')).code).toBe(0);
    expect(await folder.api.events()).toMatchObject([{ properties: { n: 1, big: '12345678901234567.89' } }]);
  });

  const row = (n: number): string => `track,user-${n},E,2019-05-01T12:00:00Z,${n}`;
  const header = 'type,userId,event,timestamp,properties.n';

  test('a broken row fails alone, and can be corrected and imported again', async () => {
    const broken = ['track,"open,E,2019-05-01T12:00:00Z,2', 'track,"x"y,E,2019-05-01T12:00:00Z,3', 'track,4'];
    folder.write('events.csv', [header, row(0), row(1), ...broken, row(5), '', row(6)]);
    const { code, stdout, stderr } = await folder.run('events.csv');
    expect(code).toBe(1);
    expect(numbersOf(await folder.api.events())).toEqual([0, 1, 5, 6]);
    expect(stderr).toMatch(/row 4: .*quote.*\n.*row 5: .*quote.*\n.*row 6: .*2 cells.*5/);
    expect(stdout).toContain('events.csv.failed.csv');
    expect(folder.read('events.csv.failed.csv')).toBe(`${[header, ...broken].join('\n')}\n`);
    folder.write('events.csv.failed.csv', [header, row(2), row(3), row(4)]);
    expect((await folder.run('events.csv.failed.csv')).code).toBe(0);
    expect(numbersOf(await folder.api.events())).toEqual([0, 1, 5, 6, 2, 3, 4]);
  });

  test('a quote that never closes costs its own row, also in a large file', async () => {
    const pad = 'x'.repeat(300);
    const rows = upTo(20_000).map((n) => `track,u,E,2019-05-01T12:00:00Z,${n},${n === 7 ? '"' : ''}${pad}`);
    folder.write('events.csv', [`${header},properties.pad`, ...rows]);
    const { code, stdout } = await folder.run('events.csv', ['--json']);
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ delivered: 19_999, failed: 1 });
  });

  test('after Ctrl-C the same command continues with the next row', async () => {
    folder.write('events.csv', [
      header,
      ...upTo(3_000).map((n) => `track,"user\n${n}",E,2019-05-01T12:00:00Z,${n}`),
    ]);
    await folder.api.script([{ type: 'ok' }, { type: 'ok' }]);
    await folder.api.behave({ type: 'hang' });
    const { child, end } = folder.start('events.csv', ['--rate', '2000']);
    await folder.api.waitFor({ requests: 3, timeoutMs: 20_000 });
    child.kill('SIGINT');
    child.stderr?.once('data', () => child.kill('SIGINT'));
    expect((await end).code).toBe(130);
    await folder.api.behave({ type: 'ok' });
    const { code, stdout } = await folder.run('events.csv', ['--json']);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ delivered: 3_000, failed: 0 });
    expect([...new Set(numbersOf(await folder.api.events()))]).toEqual(upTo(3_000));
  });

  test('--text names the columns whose cells stay text, or all with *', async () => {
    folder.write('events.csv', [
      'type,userId,event,properties.order,properties.paid,properties.price',
      'track,42,E,10023,true,39.95',
    ]);
    const properties = async (...args: string[]): Promise<unknown> => {
      await folder.api.reset();
      const { code, stderr } = await folder.run('events.csv', args);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      return (await folder.api.events())[0]?.properties;
    };
    expect(await properties()).toEqual({ order: 10_023, paid: true, price: 39.95 });
    const some = await properties('--text', 'properties.order, properties.paid');
    expect(some).toEqual({ order: '10023', paid: 'true', price: 39.95 });
    expect(await properties('--text', 'properties.order', '--text', 'properties.paid')).toEqual(some);
    expect(await properties('--text', '*')).toEqual({ order: '10023', paid: 'true', price: '39.95' });
  });

  test('--text with a column that does not exist, or without CSV, is a mistake', async () => {
    folder.write('events.csv', ['type,userId,event,properties.order', 'track,42,E,1']);
    const wrong = await folder.run('events.csv', ['--text', 'order']);
    expect(wrong.code).toBe(2);
    expect(wrong.stderr).toMatch(/--text: .*no column 'order'.*type, userId, event, properties\.order/);
    folder.write('events', [line(1)]);
    const none = await folder.run('events', ['--text', 'order']);
    expect(none.code).toBe(2);
    expect(none.stderr).toMatch(/--text .*CSV/);
    expect(await folder.api.counts()).toMatchObject({ requests: 0 });
  });

  test('--format sets the format if it cannot be detected', async () => {
    folder.write('events.csv', ['kind,who', '"a","b"']);
    expect((await folder.run('events.csv')).stderr).toContain('not valid JSON');
    const { code, stderr } = await folder.run('events.csv', ['--restart', '--format', 'csv']);
    expect(code).toBe(1);
    expect(stderr).toMatch(/row 2: .*'type'/);
  });
});

describe('input that is not text', () => {
  const text = JSON.stringify(historic(1));
  const utf16 = Buffer.from(`\uFEFF${text}`, 'utf16le');
  const tar = Buffer.alloc(1_024);
  tar.write('events.ndjson');
  tar.write('ustar', 257);
  test.each([
    ['UTF-16', utf16, /UTF-16.*iconv/],
    ['UTF-16 without its mark', utf16.subarray(2), /UTF-16.*iconv/],
    ['UTF-16, big end first', Buffer.from(utf16).swap16(), /UTF-16.*iconv/],
    ['a zip file', Buffer.from('504b030414000000', 'hex'), /zip.*unzip -p/],
    ['Zstandard', Buffer.from('28b52ffd00000000', 'hex'), /Zstandard.*zstd -dc/],
    ['bzip2', Buffer.from('BZh91AY&SY'), /bzip2 -dc/],
    ['xz', Buffer.from('fd377a585a000000', 'hex'), /xz -dc/],
    ['Parquet', Buffer.from('PAR1\x15\x04'), /Parquet/],
    ['Avro', Buffer.from('Obj\x01\x04'), /Avro/],
    ['a tar file', tar, /tar.*tar -xO/],
    ['a tar file in gzip', gzipSync(tar), /tar.*tar -xO/],
    ['other bytes', Buffer.from('00010203', 'hex'), /no text/],
  ])('%s is named in one error, and nothing is sent', async (_, bytes, message) => {
    folder.write('events', bytes);
    for (const end of [await folder.run('events'), await folder.run('-', [], { input: bytes })]) {
      expect(end).toMatchObject({ code: 2, stdout: '', stderr: expect.stringMatching(message) });
      expect(end.stderr.trimEnd().split('\n')).toHaveLength(1);
    }
    expect(await folder.api.counts()).toMatchObject({ requests: 0 });
    expect(existsSync(`${folder.path}/events.failed.ndjson`)).toBe(false);
  });
});
