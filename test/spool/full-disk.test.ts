// A full disk costs no event that was written before, and none that is written when it has room again.
import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { appendDeadLetters } from '@offthread/worker/spool/index';
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest';
import { seeded } from '../helpers/model-file-system.js';
import { add, createRun, DIRECTORY, emptyDisk, recover } from '../helpers/spool-run.js';
import { withApi } from '../helpers/with-api.js';

vi.setConfig({ testTimeout: 60_000 });

/** Adds events up to `most`; false where the disk takes no more. */
function fill(run: ReturnType<typeof createRun>, most: number, filler: string): boolean {
  try {
    for (let sequence = run.written + 1; sequence <= most; sequence++) {
      add(run, sequence, filler);
      if (sequence % 3 === 0) run.write();
    }
    run.write();
    return true;
  } catch {
    return false;
  }
}

test('A disk that fills up in the middle of a record, at any byte of it, and is freed', () => {
  for (let room = 0; room < 1_200; room++) {
    const fs = emptyDisk();
    const run = createRun(fs, { segmentBytes: 1_000 });
    fill(run, 3, 'a');
    fs.capacity = 13_000 + room;
    expect(fill(run, 40, 'b'.repeat(20))).toBe(false);
    const { written } = run;
    expect(recover(fs).sequences.at(-1)).toBe(written);
    fs.capacity = Number.POSITIVE_INFINITY;
    expect(fill(run, 40, 'b'.repeat(20))).toBe(true);
    const { sequences, run: read } = recover(fs);
    expect(sequences).toEqual(Array.from({ length: 40 }, (_, index) => index + 1));
    expect(read.damaged).toBe(0);
  }
});

test('A file that cannot even be truncated is not written to again', () => {
  const fs = emptyDisk();
  const run = createRun(fs);
  fill(run, 6, 'a');
  const random = seeded(3);
  for (let most = 7; most < 40; most += 3) {
    let count = 0;
    fs.fault = (operation) =>
      operation === 'truncate' || (operation === 'write' && count++ > 0) ? 'EIO' : undefined;
    // Half of it is written, and the rest fails.
    fs.capacity = fs.used + 1 + Math.floor(random() * 200);
    expect(fill(run, most, 'b'.repeat(200))).toBe(false);
    fs.fault = () => undefined;
    fs.capacity = Number.POSITIVE_INFINITY;
    expect(fill(run, most, 'b'.repeat(200))).toBe(true);
  }
  const { sequences, run: read } = recover(fs);
  expect(sequences).toEqual(Array.from({ length: run.written }, (_, index) => index + 1));
  expect(read.damaged).toBe(0);
});

test('A full disk takes no half of a dead letter', () => {
  const letter = { event: '{"a":1}', code: 'rejected', status: 400, message: 'no', time: 0 };
  const line = `{"event":{"a":1},"code":"rejected","status":400,"message":"no","time":"1970-01-01T00:00:00.000Z"}\n`;
  const path = `${DIRECTORY}/dead.ndjson`;
  for (let room = 1; room < line.length; room++) {
    const fs = emptyDisk();
    appendDeadLetters(fs, path, [letter]);
    fs.capacity = line.length + room;
    expect(() => appendDeadLetters(fs, path, [letter, letter])).toThrow('ENOSPC');
    expect(fs.contentOf(path).toString()).toBe(line);
    fs.capacity = Number.POSITIVE_INFINITY;
    // As a process leaves it that was killed while it wrote.
    fs.setContent(path, Buffer.from(line.slice(0, room)));
    appendDeadLetters(fs, path, [letter, letter]);
    expect(fs.contentOf(path).toString()).toBe(`${line.slice(0, room)}\n${line}${line}`);
  }
});

const directory = mkdtempSync(join(tmpdir(), 'spool-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
afterEach(() => {
  for (const name of readdirSync(directory)) rmSync(join(directory, name), { recursive: true, force: true });
});

function fixtureAt(name: string): string {
  return fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));
}

/** Whether a file system can be mounted in a namespace that is gone with its process. */
const canMount = spawnSync('unshare', ['-m', 'mount', '-t', 'tmpfs', 'none', directory]).status === 0;

/** Whether the limit of a running process can be raised. */
const canRaise = process.platform === 'linux';

/** Runs a program whose files may have 256 KB. */
function runLimited(...args: string[]): SpawnSyncReturns<string> {
  const limited = ['-c', 'ulimit -S -f 512 && exec "$@"', 'sh', process.execPath, ...args];
  return spawnSync('sh', limited, { encoding: 'utf8', timeout: 50_000 });
}

interface Filled {
  readonly written: number;
  readonly count: number;
  readonly damaged: number;
  readonly position: number;
}

/** What spool-full-disk.mjs prints. */
function expectRecovered({ full, error, freed }: { full: Filled; error: unknown; freed: Filled }): void {
  expect(error).toBeUndefined();
  expect(full).toEqual({ written: full.written, count: full.written, damaged: 0, position: full.written });
  expect(full.written).toBeGreaterThan(100);
  const all = full.written + (canRaise ? 100 : 0);
  expect(freed).toEqual({ written: all, count: all, damaged: 0, position: all });
}

test('Real files that may not grow, and then may', () => {
  const args = ['--conditions=offthread-internal', fixtureAt('spool-full-disk.mjs'), directory];
  const { stdout, stderr } = runLimited(...args, canRaise ? 'limit' : 'nothing');
  expect(stderr).toBe('');
  const result = JSON.parse(stdout);
  expect(result.code).toBe('EFBIG');
  expectRecovered(result);
});

test('A real file system that is full, and is freed: a tmpfs, or files with a limit where none can be mounted', () => {
  const fixture = fixtureAt('spool-full-disk.mjs');
  const mount = `mount -t tmpfs -o size=512k none "$1" && head -c 200000 /dev/zero > "$1/filler" && exec "$2" --conditions=offthread-internal "$3" "$1" filler`;
  const { stdout } = canMount
    ? spawnSync('unshare', ['-m', 'sh', '-c', mount, 'sh', directory, process.execPath, fixture], {
        encoding: 'utf8',
      })
    : runLimited('--conditions=offthread-internal', fixture, directory, canRaise ? 'limit' : 'nothing');
  const result = JSON.parse(stdout);
  expect(result.code).toBe(canMount ? 'ENOSPC' : 'EFBIG');
  expectRecovered(result);
});

/** Runs a program that makes its directory read-only: by a mount, or by the mode of the directory. */
function runReadOnly(...args: string[]): SpawnSyncReturns<string> {
  const program = [process.execPath, ...args, canMount ? 'mount' : 'mode'];
  const [command = '', ...rest] = canMount ? ['unshare', '-m', ...program] : program;
  return spawnSync(command, rest, { encoding: 'utf8', timeout: 50_000 });
}

describe.each([
  { disk: 'disk is full', isReadOnly: false, most: 2_001, isFreed: canRaise },
  { disk: 'directory turns read-only', isReadOnly: true, most: 401, isFreed: true },
])('A client whose $disk', ({ isReadOnly, most, isFreed }) => {
  const bench = withApi();

  async function run(strict: boolean) {
    await bench.api.behave({ type: 'answer', status: 503 });
    const settings = { writeKey: 'KEY', host: bench.api.url, spool: { directory, strict } };
    const args = [fixtureAt('spool-limited.mjs'), JSON.stringify(settings)];
    const { stdout, stderr } = isReadOnly
      ? runReadOnly(...args)
      : runLimited(...args, canRaise ? 'limit' : 'nothing');
    expect(stderr).toBe('');
    // A program that gave up its rights was another user.
    if (process.getuid?.() === 0) spawnSync('chown', ['-R', '0', directory]);
    await bench.api.behave({ type: 'ok' });
    return JSON.parse(stdout);
  }

  /** Has the next process send what was left, and returns what has arrived. */
  async function arrived(count: number): Promise<unknown[]> {
    const analytics = bench.open({ spool: directory });
    const end = performance.now() + 20_000;
    while ((analytics.stats().spool?.recovered ?? 0) < count && performance.now() < end)
      await new Promise((resolve) => setTimeout(resolve, 20));
    const indices = (await bench.api.events()).map(({ properties }) => properties?.['index']);
    return indices.sort((a, b) => Number(a) - Number(b));
  }

  test('refuses events with strict, and each that it accepted arrives after SIGKILL', async () => {
    const { full, accepted, errors, opening, stats } = await run(true);
    expect(full.accepted).toBeGreaterThan(100);
    expect(full.accepted).toBeLessThan(1_000);
    expect(full.refused).toBe(1);
    expect(errors).toMatchObject([{ code: 'spool_failed' }]);
    expect(stats.refused.spool_failed).toBeGreaterThan(1);
    expect(accepted).toHaveLength(full.accepted + (isFreed ? 100 : 0));
    expect(await arrived(accepted.length)).toEqual(accepted);
    // A directory that is read-only from the start is a wrong setting.
    const message = expect.stringMatching(/can't be used: (EROFS|EACCES)/);
    if (isReadOnly) expect(opening).toEqual({ code: 'invalid_setting', message });
  });

  test('goes on in memory otherwise, and writes it all when it can again', async () => {
    const { full, stored, accepted, errors } = await run(false);
    expect(full).toEqual({ accepted: most, refused: 0, stored: 'failed' });
    expect(errors).toMatchObject([{ code: 'spool_failed' }]);
    expect(stored).toBe(isFreed ? 'ok' : 'failed');
    expect(accepted).toHaveLength(most + (isFreed ? 100 : 0));
    if (isFreed) expect(await arrived(accepted.length)).toEqual(accepted);
  });
});
