// One bad line never stops the rest: a deep one, one without an end in sight, and those that are equal are counted.

import { once } from 'node:events';
import { createWriteStream, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { line, numbersOf, withImportFolder } from '../helpers/import-folder.js';

const MEGABYTE = 1024 * 1024;
const folder = withImportFolder();

function deep(levels: number, fields: object = {}): string {
  return line(2, fields).replace('"n":2', `"n":${'['.repeat(levels)}${']'.repeat(levels)}`);
}

test.each([
  // With the event and its properties, one too many.
  ['1,025 levels', 1_023, {}],
  ['12,000 levels', 12_000, {}],
  ['12,000 levels and a messageId', 12_000, { messageId: 'deep' }],
  ['200,000 levels', 200_000, {}],
])('a line of %s fails alone', async (_, levels, fields) => {
  folder.write('events', [line(0), line(1), deep(levels, fields), line(3), line(4)]);
  const { code, stdout, stderr } = await folder.run('events', ['--json']);
  expect(numbersOf(await folder.api.events())).toEqual([0, 1, 3, 4]);
  expect(code).toBe(1);
  expect(JSON.parse(stdout)).toMatchObject({ ending: 'done', delivered: 4, failed: 1, line: 5 });
  expect(stderr).toMatch(/line 3: .*more than 1024 levels/);
  expect(folder.read('events.failed.ndjson')).toBe(`${deep(levels, fields)}\n`);
});

test('a line of 1,024 levels arrives, and brackets in strings do not count as levels', async () => {
  folder.write('events', [deep(1_022), line(1, { context: { text: '[{"'.repeat(2_000) } })]);
  const { code, stderr } = await folder.run('events');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(await folder.api.events()).toHaveLength(2);
});

test('a line over the limit is skipped to its end, with its number, and only the reason is kept', async () => {
  const long = line(1, { context: { pad: 'x'.repeat(2 * MEGABYTE) } });
  folder.write('events', [line(0), long, line(2), 'no json', long]);
  const { code, stdout, stderr } = await folder.run('events', ['--json']);
  expect(numbersOf(await folder.api.events())).toEqual([0, 2]);
  expect(code).toBe(1);
  expect(JSON.parse(stdout)).toMatchObject({ ending: 'done', delivered: 2, failed: 3, line: 5 });
  expect(stderr).toMatch(/line 2: longer than 1048576 bytes/);
  expect(folder.read('events.failed.ndjson')).toBe('no json\n');
  expect(folder.reasons('events.failed.ndjson.reasons')).toMatchObject([
    { line: 2, code: 'line_too_long', kept: false },
    { line: 4, code: 'unreadable' },
    { line: 5, code: 'line_too_long', kept: false },
  ]);
});

test('half a gigabyte without a line end takes no memory', { timeout: 60_000 }, async () => {
  const file = createWriteStream(join(folder.path, 'events'));
  file.write(`${line(0)}\n`);
  const piece = Buffer.alloc(MEGABYTE, 'x');
  for (let n = 0; n < 500; n += 1) if (!file.write(piece)) await once(file, 'drain');
  file.end(`\n${line(1)}\n`);
  await once(file, 'close');
  writeFileSync(join(folder.path, 'one'), `${line(0)}\n`);
  const peakOf = async (name: string): Promise<number> => {
    const peak = join(folder.path, 'peak');
    await folder.run(name, [], { preload: ['peak-memory.mjs'], env: { PEAK_MEMORY_FILE: peak } });
    return Number(readFileSync(peak, 'utf8'));
  };
  const [less, more] = [await peakOf('one'), await peakOf('events')];
  expect(numbersOf(await folder.api.events())).toEqual([0, 0, 1]);
  expect(more - less).toBeLessThan(60 * MEGABYTE);
});

describe('equal lines of an import that was interrupted between them', () => {
  const SEEN = 'events.import.json.seen';
  const COUNT = 2_500;

  /** Stops the import by a 401 before its last line, which equals the first. */
  async function interrupted(): Promise<void> {
    folder.write('events', [...Array.from({ length: COUNT }, (_, n) => line(n)), line(0)]);
    await folder.api.script([{ type: 'ok' }]);
    await folder.api.behave({ type: 'answer', status: 401 });
    expect((await folder.run('events')).code).toBe(1);
    expect((await folder.api.counts()).events).toBeGreaterThan(0);
    await folder.api.behave({ type: 'ok' });
  }

  async function repeated(...args: string[]): Promise<unknown> {
    const { code, stdout } = await folder.run('events', ['--json', ...args]);
    expect(code).toBe(0);
    expect(existsSync(join(folder.path, SEEN))).toBe(false);
    const { delivered, repeated } = JSON.parse(stdout) as { delivered: number; repeated: number };
    expect(delivered).toBe(COUNT + 1);
    return repeated;
  }

  test('are counted, and nobody else may read the file of what was sent', async () => {
    await interrupted();
    const { mode, size } = statSync(join(folder.path, SEEN));
    expect(mode & 0o777).toBe(0o600);
    expect(size).toBe(8 * JSON.parse(folder.read('events.import.json')).marks);
    expect(await repeated()).toBe(1);
  });

  test('are counted from the start with --restart', async () => {
    await interrupted();
    expect(await repeated('--restart')).toBe(1);
  });

  test('are not counted if one of them is only sent again', async () => {
    await interrupted();
    // As if it had been killed after it wrote one file, and before the other.
    const state = JSON.parse(folder.read('events.import.json'));
    const position = { line: 1, offset: line(0).length + 1 };
    folder.write(
      'events.import.json',
      JSON.stringify({ ...state, position, marks: 1, tally: { ...state.tally, delivered: 1 } }),
    );
    expect(await repeated()).toBe(1);
  });

  test('are not found if that file is damaged, and nothing else comes of it', async () => {
    await interrupted();
    folder.write(SEEN, 'damaged');
    expect(await repeated()).toBe(0);
  });
});

test('equal lines without a messageId are counted and reported, because the API accepts them once', async () => {
  const same = line(1);
  folder.write('events', [
    same,
    line(2),
    same,
    ` ${same.replaceAll(',', ', ')}`,
    line(3, { messageId: 'a' }),
    line(3, { messageId: 'a' }),
  ]);
  const { code, stdout } = await folder.run('events');
  expect(code).toBe(0);
  expect(stdout).toMatch(/Equal to an earlier line, without a messageId: 2\b/);
  const { stdout: json } = await folder.run('events', ['--dry-run', '--json']);
  expect(JSON.parse(json)).toMatchObject({ delivered: 6, repeated: 2 });
  expect((await folder.run('events', ['--dry-run'])).stdout).toContain('without a messageId: 2');
});
