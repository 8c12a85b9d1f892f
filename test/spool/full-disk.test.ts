// A full disk costs no event that was written before, and none that is written when it has room again.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { appendDeadLetters } from '@offthread/worker/spool/index';
import { expect, test } from 'vitest';
import { seeded } from '../helpers/model-file-system.js';
import { add, createRun, DIRECTORY, emptyDisk, recover } from '../helpers/spool-run.js';

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

test('A real file system that is full, and is freed', () => {
  const directory = mkdtempSync(join(tmpdir(), 'spool-'));
  const fixture = fileURLToPath(new URL('../fixtures/spool-full-disk.mjs', import.meta.url));
  try {
    // In a name space of its own, so that it is gone with the process. A container may forbid it: then a quota can't be had,
    // and there are only the tests above.
    if (spawnSync('unshare', ['-m', 'mount', '-t', 'tmpfs', 'none', directory]).status !== 0) return;
    const mount = `mount -t tmpfs -o size=512k none "$1" && head -c 200000 /dev/zero > "$1/filler" && exec "$2" --conditions=offthread-internal "$3" "$1"`;
    const args = ['-m', 'sh', '-c', mount, 'sh', directory, process.execPath, fixture];
    const { code, full, error, freed } = JSON.parse(execFileSync('unshare', args, { encoding: 'utf8' }));
    expect(code).toBe('ENOSPC');
    expect(error).toBeUndefined();
    expect(full).toEqual({ written: full.written, count: full.written, damaged: 0, position: full.written });
    expect(full.written).toBeGreaterThan(100);
    const all = full.written + 100;
    expect(freed).toEqual({ written: all, count: all, damaged: 0, position: all });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
