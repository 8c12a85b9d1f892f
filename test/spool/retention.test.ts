// How long events are kept, and how much of them, whatever the clocks say.
import {
  AgeClock,
  appendDeadLetters,
  bytesBySource,
  deadLettersOf,
  isExpired,
  shortSource,
} from '@offthread/worker/spool/index';
import { describe, expect, test } from 'vitest';
import {
  DIRECTORY,
  emptyDisk,
  frameOf,
  IDENTITY,
  leaveRun,
  readAll,
  recover,
  segmentPaths,
} from '../helpers/spool-run.js';

const DAY = 86_400_000;
const WEEK = 7 * DAY;

describe('An event expires', () => {
  test('when it is older than maxAge and an attempt has failed, and not before', () => {
    expect(isExpired(0, WEEK + 1, WEEK, true)).toBe(true);
    expect(isExpired(0, WEEK, WEEK, true)).toBe(false);
    expect(isExpired(0, 10 * WEEK, WEEK, false)).toBe(false);
  });

  test.each([
    ['a day on', DAY, false],
    ['a year on', 365 * DAY, false],
    ['a day back', -DAY, false],
    ['to 1970', -1e12, false],
  ])('not by a clock that is set %s', (_, step, expired) => {
    let wall = 1e12;
    // The machine has been running for a month.
    let monotonic = 30 * DAY;
    const clock = new AgeClock({ wallTime: () => wall, monotonicTime: () => monotonic });
    const accepted = wall;
    wall += 6 * DAY;
    monotonic += 6 * DAY;
    expect(isExpired(accepted, clock.now(), WEEK, true)).toBe(false);
    wall += step;
    expect(isExpired(accepted, clock.now(), WEEK, true)).toBe(expired);
  });

  test('by the time that passes', () => {
    let time = 1e12;
    const clock = new AgeClock({ wallTime: () => time, monotonicTime: () => time - 1e12 });
    time += WEEK + 1;
    expect(isExpired(1e12, clock.now(), WEEK, true)).toBe(true);
  });
});

test('The bytes of a source are those of its runs and of its dead letters, and of no other', async () => {
  const fs = emptyDisk();
  const run = leaveRun(fs, 20);
  leaveRun(fs, 5);
  const segments = segmentPaths(fs).reduce((sum, path) => sum + fs.contentOf(path).length, 0);
  const letter = { event: '{}', code: 'rejected', status: 400, message: 'no', time: 0 };
  const dead = `${DIRECTORY}/${deadLettersOf(run.name)}`;
  appendDeadLetters(fs, dead, [letter]);
  fs.makeFolder(`${DIRECTORY}/unknown`);
  const sums = await bytesBySource(fs, DIRECTORY);
  // The cursors have 12 KB each.
  expect([...sums]).toEqual([
    [shortSource(IDENTITY.source), segments + 2 * 12_288 + fs.contentOf(dead).length],
  ]);
});

describe('A run that was read and settled', () => {
  test('is removed segment by segment, and as a whole a minute after it last grew', () => {
    const fs = emptyDisk();
    fs.time = 1_000_000;
    leaveRun(fs, 100, 800);
    const { run, sequences } = recover(fs);
    const count = segmentPaths(fs).length;
    expect(sequences).toHaveLength(100);
    run.settle(50);
    expect(segmentPaths(fs).length).toBeLessThan(count * 0.7);
    expect(run.finish()).toBe(false);
    run.settle(100);
    fs.time += 59_000;
    expect(run.finish()).toBe(false);
    expect(segmentPaths(fs)).toHaveLength(1);
    fs.time += 2_000;
    expect(run.finish()).toBe(true);
    expect(fs.list(DIRECTORY)).toEqual([]);
  });

  test('is read on if its process had not ended and has written more', () => {
    const fs = emptyDisk();
    fs.time = 1_000_000;
    const own = leaveRun(fs, 10);
    const { run, sequences } = recover(fs);
    run.settle(sequences.at(-1) ?? 0);
    fs.time += 100_000;
    for (let sequence = 11; sequence <= 13; sequence++) own.add(sequence, frameOf('{"late":true}', 0));
    own.write();
    expect(run.finish()).toBe(false);
    expect(readAll(run).sequences).toEqual([11, 12, 13]);
    run.settle(13);
    expect(run.finish()).toBe(false);
    fs.time += 60_000;
    expect(run.finish()).toBe(true);
  });

  test('is suspect when two processes in a row have ended during a request, and not when requests end', () => {
    const fs = emptyDisk();
    leaveRun(fs, 3);
    for (const [isSuspect, isDeadly] of [
      [false, false],
      [false, false],
      [true, false],
      [true, false],
      [true, false],
      [true, true],
    ]) {
      const { run } = recover(fs);
      expect([run.isSuspect, run.isDeadly]).toEqual([isSuspect, isDeadly]);
      // The process ends.
      run.start();
    }
    const calmed = recover(fs).run;
    calmed.start();
    calmed.endRequest();
    const next = recover(fs).run;
    expect([next.isSuspect, next.isDeadly]).toEqual([true, false]);
    next.settle(3);
    expect(recover(fs).run.isDeadly).toBe(false);
  });

  test('is not suspect if requests fail, or are aborted because the client is closed', () => {
    const fs = emptyDisk();
    leaveRun(fs, 3);
    for (let count = 0; count < 10; count++) {
      const { run } = recover(fs);
      expect(run.isSuspect).toBe(false);
      run.start();
      if (count % 2 === 0) run.endRequest();
      else run.close();
    }
  });

  test('is sent one by one as far as a batch may have reached, and no further', () => {
    const fs = emptyDisk();
    leaveRun(fs, 3_000);
    for (let count = 0; count < 2; count++) recover(fs).run.start();
    const { run } = recover(fs);
    run.settle(2_499);
    expect(run.isSuspect).toBe(true);
    expect(recover(fs).run.isSuspect).toBe(true);
    run.settle(2_500);
    expect(run.isSuspect).toBe(false);
    expect(recover(fs).run.isSuspect).toBe(false);
  });
});
