import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { line, numbersOf, withImportFolder } from '../helpers/import-folder.js';

const folder = withImportFolder();

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, n) => n);
}

function state(): { position: { line: number; offset: number } } {
  return JSON.parse(folder.read('events.import.json'));
}

describe('the reader of its output ends', () => {
  test('stderr: it saves its state and stops, and the same command continues', async () => {
    // Some 20 notes at first, and more with time.
    folder.write(
      'events',
      upTo(20_000).map((n) => (n % 1_000 === 0 ? 'broken' : line(n))),
    );
    await folder.api.behave({ type: 'ok', delayMs: 200 });
    const { child, end } = folder.start('events', ['--progress', '1']);
    child.stderr?.destroy();
    const first = await end;
    expect(first).toMatchObject({ code: 1, signal: null });
    const arrived = (await folder.api.counts()).events;
    expect(arrived).toBeLessThan(19_980);
    expect(state().position.line).toBeGreaterThanOrEqual(1);
    await folder.api.behave({ type: 'ok' });
    const second = await folder.run('events', ['--json']);
    expect(JSON.parse(second.stdout)).toMatchObject({ ending: 'done', delivered: 19_980, failed: 20 });
    expect(new Set(numbersOf(await folder.api.events())).size).toBe(19_980);
    expect(folder.read('events.failed.ndjson').trim().split('\n')).toHaveLength(20);
  });

  test('stdout, after a failure: the exit code and the state are unchanged', async () => {
    folder.write('events', [line(1)]);
    await folder.api.behave({ type: 'answer', status: 401 });
    const { child, end } = folder.start('events');
    child.stdout?.destroy();
    expect((await end).code).toBe(1);
    expect(state().position.line).toBe(0);
  });

  test('stdout, when everything is done: it is not a failure', async () => {
    folder.write('events', [line(1)]);
    const { child, end } = folder.start('events');
    child.stdout?.destroy();
    expect(await end).toMatchObject({ code: 0, stderr: '' });
    expect(existsSync(`${folder.path}/events.import.json`)).toBe(false);
  });

  test('the terminal is closed: SIGHUP ends it as SIGTERM does', async () => {
    folder.write(
      'events',
      upTo(20_000).map((n) => line(n)),
    );
    await folder.api.behave({ type: 'ok', delayMs: 300 });
    const { child, end } = folder.start('events');
    await folder.api.waitFor({ requests: 3, timeoutMs: 20_000 });
    child.kill('SIGHUP');
    expect((await end).code).toBe(129);
    expect(state().position.line).toBe((await folder.api.counts()).events);
  });
});

describe('a checkpoint beyond the file', () => {
  test.each([
    ['plain', (text: string) => Buffer.from(text)],
    ['gzip', (text: string) => gzipSync(text)],
  ])('is an error, %s', async (_, pack) => {
    folder.write(
      'events',
      pack(
        `${upTo(5)
          .map((n) => line(n))
          .join('\n')}\n`,
      ),
    );
    await folder.api.behave({ type: 'answer', status: 401 });
    await folder.run('events');
    const found = folder.read('events.import.json');
    await folder.api.behave({ type: 'ok' });
    folder.write('events.import.json', found.replace(/"offset": 0/, '"offset": 100000'));
    const { code, stderr } = await folder.run('events');
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/beyond the end of.*--restart/);
    expect(await folder.api.counts()).toMatchObject({ events: 0 });
    expect(existsSync(`${folder.path}/events.import.json`)).toBe(true);
    for (const wrong of ['"offset": -1', '"offset": 1.5']) {
      folder.write('events.import.json', found.replace(/"offset": 0/, wrong));
      expect((await folder.run('events')).code).toBe(2);
    }
    expect((await folder.run('events', ['--restart'])).code).toBe(0);
  });
});

describe('the first fault of the API is reported at once', () => {
  /** Milliseconds within which something has to be said. Attempts go on for hours. */
  const SOON_MS = 15_000;

  async function firstNote(host: string): Promise<string> {
    folder.write('events', [line(1)]);
    const { child, end } = folder.start('events', ['--host', host]);
    const signal = AbortSignal.timeout(SOON_MS);
    try {
      const [note] = (await once(child.stderr ?? child, 'data', { signal })) as [string];
      return note;
    } finally {
      child.kill('SIGKILL');
      await end;
    }
  }

  test('nothing listens', async () => {
    expect(await firstNote('http://127.0.0.1:1')).toContain('ECONNREFUSED');
  });

  test('the server does not answer', async () => {
    await folder.api.behave({ type: 'hang' });
    expect(await firstNote(folder.api.url)).toMatch(/no answer/i);
  });

  test('the name does not exist', async () => {
    expect(await firstNote('https://offthread.invalid')).toMatch(/ENOTFOUND|EAI_AGAIN/);
  });
});
