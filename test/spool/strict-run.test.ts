// The files of a run with `spool.strict`, which two threads write: whatever becomes of the disk, what was accepted is found
// after SIGKILL, and what was synced after a loss of power.
import {
  AdoptedRun,
  newRun,
  parseRun,
  SharedRunName,
  StrictRun,
  StrictWriter,
  segmentsOf,
} from '@offthread/worker/spool/index';
import { describe, expect, test, vi } from 'vitest';
import { type ModelFileSystem, seeded } from '../helpers/model-file-system.js';
import { DIRECTORY, emptyDisk, frameOf, IDENTITY, payloadOf, readAll } from '../helpers/spool-run.js';
import { FACTOR, SEED } from '../helpers/torture.js';

vi.setConfig({ testTimeout: 30_000 * FACTOR });

const HOLDER = '00000000000000aa';

/** A client: main writes, the worker syncs, settles and, if it must, copies. */
class StrictLife {
  readonly fs: ModelFileSystem;
  readonly words = new Int32Array(17);
  readonly name = new SharedRunName(newRun(IDENTITY.source, HOLDER, 1_000), this.words);
  readonly writer: StrictWriter;
  run: StrictRun;
  /** The payloads of the accepted events, by sequence number. */
  readonly accepted: string[] = [''];
  time = 0;
  settled = 0;
  synced = 0;
  attempts = 0;

  constructor(segmentBytes: number, fs = emptyDisk()) {
    this.fs = fs;
    this.writer = new StrictWriter({
      ...{ fs, directory: DIRECTORY, name: this.name, identity: IDENTITY, segmentBytes },
      wallTime: () => 1_000,
      monotonicTime: () => this.time,
      isSettled: () => this.settled === this.last,
    });
    // Main has accepted an event before the worker opens the run.
    while (!this.accept(10));
    this.run = this.openRun();
  }

  get last(): number {
    return this.accepted.length - 1;
  }

  openRun(): StrictRun {
    const options = {
      fs: this.fs,
      directory: DIRECTORY,
      holder: HOLDER,
      identity: IDENTITY,
      wallTime: () => 0,
    };
    return new StrictRun(options, this.name.current, this.synced, () => this.last, !this.name.open());
  }

  /** Returns whether the call returns true. */
  accept(bytes: number): boolean {
    const sequence = this.last + 1;
    // An event that was refused is not the one that gets its number next.
    const text = payloadOf(sequence, `${this.attempts++}${'x'.repeat(bytes)}`);
    const { memory, start, end } = frameOf(text, this.time);
    try {
      this.writer.write(sequence, this.time, memory, start, end);
    } catch {
      return false;
    }
    this.accepted.push(text);
    return true;
  }

  /** As own-writer.ts does. */
  copy(): void {
    try {
      for (let sequence = this.run.written + 1; sequence <= this.last; sequence++)
        this.run.add(sequence, frameOf(this.accepted[sequence] ?? '', 0));
      this.run.write();
    } catch {
      // The next step tries again.
    }
  }

  sync(): void {
    this.run.sync(() => {
      this.synced = Math.max(this.synced, this.run.synced);
    });
  }

  settle(through: number): void {
    this.settled = Math.max(this.settled, through);
    this.run.settle(this.settled);
  }

  segments(): string[] {
    return segmentsOf(this.fs.list(this.run.path)).map(({ name }) => name);
  }
}

/** What another process finds. */
function check(life: StrictLife, fs: ModelFileSystem, through: number, hint: string): void {
  const [name] = fs.list(DIRECTORY).flatMap((each) => parseRun(each) ?? []);
  if (name === undefined) {
    expect(through, hint).toBe(0);
    return;
  }
  const { sequences, payloads } = readAll(new AdoptedRun(fs, DIRECTORY, name));
  expect(sequences, hint).toEqual([...new Set(sequences)].sort((a, b) => a - b));
  expect(payloads, hint).toEqual(sequences.map((sequence) => life.accepted[sequence]));
  const found = new Set(sequences);
  for (let sequence = life.settled + 1; sequence <= through; sequence++)
    expect(found.has(sequence), `${hint}: event ${sequence} of ${through}`).toBe(true);
}

describe('At any moment of a life on a disk that fails now and then', () => {
  test.each([0, 1, 2, 3])(
    'accepted events survive SIGKILL, and synced ones a loss of power, quarter %d',
    (quarter) => {
      for (let seed = SEED + quarter * 40 * FACTOR; seed < SEED + (quarter + 1) * 40 * FACTOR; seed++) {
        const random = seeded(seed);
        const life = new StrictLife(600 + Math.floor(random() * 4_000));
        life.fs.isLazy = random() < 0.5;
        const canFail = random() < 0.5;
        const fault = (operation: string): string | undefined => {
          if (!['write', 'sync', 'truncate', 'syncFolder'].includes(operation)) return undefined;
          return random() < 0.05 ? 'EIO' : undefined;
        };
        for (let step = 0; step < 60; step++) {
          if (canFail) life.fs.fault = fault;
          const chance = random();
          if (chance < 0.5) for (let more = random() * 8; more > 0; more--) life.accept(random() * 300);
          else if (chance < 0.6) life.copy();
          else if (chance < 0.75) life.sync();
          else if (chance < 0.9) life.fs.completeSyncs();
          else life.settle(Math.floor(life.settled + random() * (life.last - life.settled + 1)));
          life.fs.fault = () => undefined;
          if (step % 3 !== 0) continue;
          check(life, life.fs, life.last, `seed ${seed}, step ${step}, killed`);
          check(life, life.fs.afterPowerLoss(random), life.synced, `seed ${seed}, step ${step}, power`);
        }
      }
    },
  );
});

test('A full disk, at any byte of a record, refuses the event and keeps those before it', () => {
  for (let room = 0; room < 700; room++) {
    const life = new StrictLife(2_000);
    life.fs.capacity = life.fs.used + room;
    while (life.accept(50));
    const full = life.last;
    check(life, life.fs, full, `room ${room}`);
    life.fs.capacity = Number.POSITIVE_INFINITY;
    for (let more = 0; more < 5; more++) expect(life.accept(20)).toBe(true);
    check(life, life.fs, full + 5, `room ${room}, freed`);
  }
});

test('Room for more events is part of a segment only while main writes to it', () => {
  const life = new StrictLife(100_000);
  const sizeOf = (name: string): number => life.fs.contentOf(`${life.run.path}/${name}`).length;
  const sizes = new Set<number>();
  while (life.segments().length === 1) {
    sizes.add(sizeOf(life.segments()[0] ?? ''));
    life.accept(300);
  }
  // Not one for each event.
  expect(sizes.size).toBeLessThan(6);
  expect(Math.max(...sizes)).toBeLessThanOrEqual(100_000);
  const [first = '', second = ''] = life.segments();
  const content = life.fs.contentOf(`${life.run.path}/${first}`);
  expect(content.at(-1)).toBe('}'.charCodeAt(0));
  expect(life.fs.contentOf(`${life.run.path}/${second}`).at(-1)).toBe(0);
  life.writer.close();
  expect(life.fs.contentOf(`${life.run.path}/${second}`).at(-1)).toBe('}'.charCodeAt(0));
  check(life, life.fs, life.last, 'closed');
});

test('A disk without room for more than the next event takes it', () => {
  const life = new StrictLife(100_000);
  life.writer.close();
  for (let room = 1; room < 900; room++) {
    life.fs.capacity = life.fs.used + room;
    life.accept(10);
    check(life, life.fs, life.last, `room ${room}`);
  }
  expect(life.last).toBeGreaterThan(500);
  life.fs.capacity = Number.POSITIVE_INFINITY;
  expect(life.accept(10)).toBe(true);
});

test('A file that cannot even be truncated is not written to again', () => {
  const life = new StrictLife(100_000);
  life.fs.capacity = life.fs.used + 100;
  life.fs.fault = (operation) => (operation === 'truncate' ? 'EIO' : undefined);
  // At first there is room that was written ahead.
  while (life.accept(200));
  life.fs.capacity = Number.POSITIVE_INFINITY;
  expect(life.accept(200)).toBe(true);
  expect(life.segments()).toHaveLength(2);
  check(life, life.fs, life.last, 'broken');
});

describe('A sync that fails', () => {
  test('is not trusted afterwards: events are written again, and main goes on', () => {
    const life = new StrictLife(100_000);
    for (let count = 0; count < 9; count++) life.accept(20);
    life.sync();
    expect(life.synced).toBe(10);
    for (let count = 0; count < 10; count++) life.accept(20);
    life.fs.fault = (operation) => (operation === 'sync' ? 'EIO' : undefined);
    life.sync();
    life.fs.fault = () => undefined;
    expect([life.run.written, life.synced]).toEqual([10, 10]);
    life.sync();
    expect(life.synced).toBe(10);
    life.copy();
    for (let count = 0; count < 10; count++) life.accept(20);
    life.copy();
    life.sync();
    expect(life.synced).toBe(30);
    for (let seed = 0; seed < 50; seed++)
      check(life, life.fs.afterPowerLoss(seeded(seed)), 30, `seed ${seed}`);
  });
});

describe('After the death of a worker', () => {
  test.each([
    ['a sync has failed', true],
    ['a sync was under way, and nobody has seen how it ended', false],
  ])('the next one trusts no file of main that is not synced: %s', (_, isSeen) => {
    const life = new StrictLife(100_000);
    for (let count = 0; count < 9; count++) life.accept(20);
    life.sync();
    for (let count = 0; count < 10; count++) life.accept(20);
    life.fs.fault = (operation) => (operation === 'sync' ? 'EIO' : undefined);
    life.fs.isLazy = !isSeen;
    life.sync();
    life.fs.fault = () => undefined;
    life.run = life.openRun();
    life.fs.completeSyncs();
    life.fs.isLazy = false;
    life.copy();
    life.sync();
    expect(life.synced).toBe(20);
    for (let seed = 0; seed < 50; seed++)
      check(life, life.fs.afterPowerLoss(seeded(seed)), 20, `seed ${seed}`);
  });
});

describe('Segments of main', () => {
  test('are removed when their events are settled, except for the one that it writes to', () => {
    const life = new StrictLife(1_000);
    for (let count = 0; count < 50; count++) life.accept(50);
    expect(life.run.bytes).toBeGreaterThan(5_000);
    const before = life.segments();
    life.settle(25);
    const after = life.segments();
    expect(after.length).toBeLessThan(before.length * 0.7);
    check(life, life.fs, life.last, 'half');
    life.settle(life.last);
    expect(life.segments()).toEqual([before.at(-1)]);
    // It is old, and all of it is settled.
    life.accept(10);
    expect(life.segments()).toHaveLength(2);
    life.settle(life.last);
    life.writer.close();
    life.run.close();
    expect(life.fs.list(DIRECTORY)).toEqual([]);
  });

  test('are left when the run is closed with events that are not settled', () => {
    const life = new StrictLife(1_000);
    for (let count = 0; count < 20; count++) life.accept(50);
    life.sync();
    life.settle(7);
    life.writer.close();
    life.run.close();
    check(life, life.fs, life.last, 'closed');
  });

  test('are found by the next worker', () => {
    const life = new StrictLife(1_000);
    for (let count = 0; count < 20; count++) life.accept(50);
    life.sync();
    life.settle(5);
    life.run = life.openRun();
    for (let count = 0; count < 20; count++) life.accept(50);
    life.copy();
    life.sync();
    expect(life.synced).toBe(life.last);
    expect(life.run.bytes).toBeGreaterThan(1_000);
    life.settle(life.last);
    expect(life.segments().filter((name) => name.includes('.0.'))).toHaveLength(1);
  });
});

describe('When another process has adopted the run', () => {
  test.each(['main', 'the worker'])('%s finds it first, and both go on in one other run', (first) => {
    const life = new StrictLife(1_000);
    for (let count = 0; count < 9; count++) life.accept(50);
    life.sync();
    expect(life.synced).toBe(10);
    const { name } = life.run;
    const adopted = { ...name, holder: '00000000000000bb' };
    const folder = (holder: string) => `${DIRECTORY}/${name.source}.${name.run}.${holder}`;
    life.fs.rename(folder(HOLDER), folder(adopted.holder));
    if (first === 'the worker') {
      expect(life.run.isOwned).toBe(false);
      life.name.leave(0);
      life.run = life.openRun();
    }
    life.time += 1_000;
    for (let count = 0; count < 10; count++) life.accept(50);
    if (first === 'main') {
      expect(life.name.number).toBe(1);
      expect(life.run.isOwned).toBe(false);
      life.name.leave(0);
      life.run = life.openRun();
    }
    expect(life.name.number).toBe(1);
    life.copy();
    life.sync();
    expect(life.synced).toBe(20);
    const others = readAll(new AdoptedRun(life.fs, DIRECTORY, adopted)).sequences;
    expect(others).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    const own = readAll(new AdoptedRun(life.fs, DIRECTORY, life.name.current)).sequences;
    expect(own).toEqual([11, 12, 13, 14, 15, 16, 17, 18, 19, 20]);
    life.settle(20);
    life.writer.close();
    life.run.close();
    expect(life.fs.list(DIRECTORY)).toHaveLength(1);
  });
});
