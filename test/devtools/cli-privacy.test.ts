// What the command line writes is for its user alone, and what others sent can neither steer a terminal nor hide in it.

import { once } from 'node:events';
import { chmodSync, existsSync, linkSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { offthread, startOffthread } from '../helpers/cli.js';
import { line, withImportFolder } from '../helpers/import-folder.js';

const folder = withImportFolder();

function at(name: string): string {
  return join(folder.path, name);
}

function modeOf(name: string): string {
  return (statSync(at(name)).mode & 0o777).toString(8);
}

describe('the files of an import', () => {
  const FILES = ['events.failed.ndjson', 'events.failed.ndjson.reasons', 'events.import.json'];

  test.each([[false], [true]])(
    'can be read only by their owner, even if others could read them before: %o',
    async (before) => {
      folder.write('events', ['no json', line(1)]);
      await folder.api.behave({ type: 'answer', status: 401 });
      if (before) {
        for (const name of FILES.slice(0, 2)) writeFileSync(at(name), '');
        for (const name of FILES.slice(0, 2)) chmodSync(at(name), 0o644);
      }
      expect((await folder.run('events')).code).toBe(1);
      expect(FILES.map(modeOf)).toEqual(['600', '600', '600']);
    },
  );

  test.each(['events.failed.ndjson', 'events.failed.ndjson.reasons'])(
    '%s is not written through a link',
    async (name) => {
      folder.write('events', ['no json', line(1)]);
      for (const link of [symlinkSync, linkSync]) {
        folder.write('victim', 'as it was');
        link(at('victim'), at(name));
        const { code, stderr } = await folder.run('events', ['--restart']);
        expect({ code, stderr }).toMatchObject({
          code: 1,
          stderr: expect.stringContaining(`${name} is a link`),
        });
        expect(folder.read('victim')).toBe('as it was');
        expect(await folder.api.counts()).toMatchObject({ events: 0 });
        const { unlinkSync } = await import('node:fs');
        unlinkSync(at(name));
      }
    },
  );

  test('the state is neither read nor written through a link', async () => {
    folder.write('events', [line(1)]);
    folder.write('victim', 'as it was');
    symlinkSync(at('victim'), at('events.import.json'));
    symlinkSync(at('victim'), at('events.import.json.new'));
    await folder.api.behave({ type: 'answer', status: 401 });
    expect(await folder.run('events')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('is a link'),
    });
    expect((await folder.run('events', ['--restart'])).code).toBe(1);
    expect(folder.read('victim')).toBe('as it was');
    expect(JSON.parse(readFileSync(at('events.import.json'), 'utf8'))).toMatchObject({ version: 1 });
    expect(existsSync(at('events.import.json.new'))).toBe(false);
  });
});

/** Characters that steer a terminal or reorder what it shows: C0, DEL, C1, and those of bidirectional text. */
const STEERING = [
  '\u0007',
  '\u001b[2J',
  '\u007f',
  '\u009b31m',
  '\u202e',
  '\u2066',
  '\u200f',
  '\u061c',
  '\u2028',
];
const TEXT = STEERING.join('x');
// biome-ignore lint/suspicious/noControlCharactersInRegex: it is about them.
const ANY_STEERING = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/;

function expectTame({ stdout, stderr }: { stdout: string; stderr: string }): void {
  expect(stdout).not.toMatch(ANY_STEERING);
  expect(stderr).not.toMatch(ANY_STEERING);
}

describe('text from outside is escaped', () => {
  test('import: lines, names of files, and replies', async () => {
    const name = `events${TEXT}`.replaceAll('\u0000', '');
    folder.write(name, [
      `{"type":"${TEXT}"`,
      JSON.stringify({ type: TEXT }),
      JSON.stringify({ type: 'track', userId: '1', [TEXT]: 1 }),
      line(1, { timestamp: TEXT }),
      line(2, { messageId: 'refused' }),
    ]);
    await folder.api.script([{ type: 'answer', status: 503, body: TEXT }]);
    await folder.api.behave({ type: 'answer', status: 400, body: { message: TEXT } });
    const end = await folder.run(name);
    expect(end.code).toBe(1);
    expectTame(end);
    expect(end.stderr).toContain('\\u202e');
    const json = await folder.run(name, ['--dry-run', '--json']);
    expectTame(json);
    expect(JSON.parse(json.stdout)).toMatchObject({ failed: 4 });
  });

  test('send: replies', async () => {
    const args = ['send', 'identify', '-u', '1', '--host', folder.api.url];
    await folder.api.behave({ type: 'answer', status: 400, body: TEXT });
    const end = await offthread(args);
    expectTame(end);
    expect(end.stderr).toContain('\\u001b[2J');
    const json = await offthread([...args, '--json']);
    expectTame(json);
    expect(JSON.parse(json.stdout)).toMatchObject({ message: expect.stringContaining('\u202e') });
  });

  test('doctor: replies of servers, although the output has colours', async () => {
    const args = ['doctor', '--no-sample', '--host', folder.api.url, '--path', `/${TEXT}`];
    expectTame(await offthread(args));
    expectTame(await offthread([...args, '--json']));
    const { stdout } = await offthread(args, { preload: ['as-terminal.mjs'] });
    expect(stdout).toContain('\u001b[32mok');
  });

  test('listen: paths and headers', async () => {
    const { child, end } = startOffthread(['listen', '--port', '0', '--no-page']);
    let shown = '';
    child.stdout?.on('data', (piece: string) => {
      shown += piece;
    });
    await expect.poll(() => /http:\S+/.exec(shown)?.[0], { timeout: 15_000 }).toBeDefined();
    const { port } = new URL(/http:\S+/.exec(shown)?.[0] ?? '');
    const socket = connect(Number(port), '127.0.0.1');
    socket.end(
      Buffer.from(
        'POST /v1/batch HTTP/1.1\r\nhost: x\r\nauthorization: Basic azo=\r\nx-retry-count: 1\x9b31m\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}',
        'latin1',
      ),
    );
    await once(socket.resume(), 'close');
    await expect.poll(() => shown, { timeout: 15_000 }).toMatch(/retry 1/);
    child.kill('SIGINT');
    expectTame(await end);
    expect(shown).toContain('retry 1\\u009b31m');
  });
});

test('a short write key is masked as a word of its own, but not within other words', async () => {
  await folder.api.behave({ type: 'answer', status: 400, body: 'the key any is not one of many; any' });
  const args = ['send', 'identify', '-u', '1', '--host', folder.api.url];
  const short = await offthread([...args, '--write-key', 'any']);
  expect(short.stderr).toContain('the key [write key] is not one of many; [write key]');
  await folder.api.behave({ type: 'answer', status: 400, body: 'aLongerWriteKey, or inaLongerWriteKeyside' });
  const long = await offthread([...args, '--write-key', 'aLongerWriteKey']);
  expect(long.stderr).toContain('[write key], or in[write key]side');
});
