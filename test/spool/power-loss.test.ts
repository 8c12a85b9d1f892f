// What was on the disk before the power failed is there afterwards, whatever became of the rest.
import { AdoptedRun, type OwnRun, parseRun } from '@offthread/worker/spool/index';
import { describe, expect, test, vi } from 'vitest';
import { type ModelFileSystem, seeded } from '../helpers/model-file-system.js';
import { add, createRun, DIRECTORY, emptyDisk, payloadOf, readAll } from '../helpers/spool-run.js';
import { FACTOR, SEED } from '../helpers/torture.js';

vi.setConfig({ testTimeout: 30_000 * FACTOR });

/** A client's life: it writes, syncs, settles, and its disk fails now and then. */
class Life {
  readonly fs = emptyDisk();
  readonly random: () => number;
  readonly run: OwnRun;
  accepted = 0;
  settled = 0;
  /** As the client was told. */
  synced = 0;

  constructor(seed: number) {
    this.random = seeded(seed);
    this.run = createRun(this.fs, { segmentBytes: 600 + Math.floor(this.random() * 5_000) });
    this.fs.isLazy = this.random() < 0.5;
    if (this.random() < 0.5) this.fs.fault = (operation) => this.#fault(operation);
  }

  step(): void {
    const chance = this.random();
    if (chance < 0.5) {
      this.accepted += Math.floor(this.random() * 8);
      this.#write();
    } else if (chance < 0.75) {
      this.run.sync(() => {
        this.synced = Math.max(this.synced, this.run.synced);
      });
    } else if (chance < 0.9) this.fs.completeSyncs();
    else {
      this.settled += Math.floor(this.random() * (Math.max(this.run.written - this.settled, 0) + 1));
      this.run.settle(this.settled);
    }
  }

  /** From memory, behind what is written: as a client does that had an error. */
  #write(): void {
    try {
      for (let sequence = this.run.written + 1; sequence <= this.accepted; sequence++)
        add(this.run, sequence, 'x'.repeat(sequence % 300));
      this.run.write();
    } catch {
      // The next step tries again.
    }
  }

  #fault(operation: string): string | undefined {
    if (operation !== 'write' && operation !== 'sync' && operation !== 'truncate') return undefined;
    return this.random() < 0.05 ? 'EIO' : undefined;
  }
}

/** What another process finds, and what it does. */
function check(life: Life, fs: ModelFileSystem, seed: number): void {
  const [name] = fs.list(DIRECTORY).flatMap((each) => parseRun(each) ?? []);
  if (name === undefined) {
    expect(life.synced, `seed ${seed}`).toBe(0);
    return;
  }
  const { sequences, payloads, run } = readAll(new AdoptedRun(fs, DIRECTORY, name));
  expect(run.settled).toBeLessThanOrEqual(life.settled);
  expect(sequences, `seed ${seed}`).toEqual([...new Set(sequences)].sort((a, b) => a - b));
  expect(payloads).toEqual(sequences.map((sequence) => payloadOf(sequence, 'x'.repeat(sequence % 300))));
  const found = new Set(sequences);
  for (let sequence = life.settled + 1; sequence <= life.synced; sequence++)
    expect(found.has(sequence), `seed ${seed}: event ${sequence} of ${life.synced}`).toBe(true);
}

describe('After a loss of power at any moment', () => {
  test.each([0, 1, 2, 3])('everything synced and not settled is found, quarter %d', (quarter) => {
    for (let seed = SEED + quarter * 60 * FACTOR; seed < SEED + (quarter + 1) * 60 * FACTOR; seed++) {
      const life = new Life(seed);
      for (let step = 0; step < 60; step++) {
        life.step();
        if (step % 3 === 0) check(life, life.fs.afterPowerLoss(life.random), seed);
      }
      // The process is killed instead: then nothing that was written is lost.
      life.fs.fault = () => undefined;
      life.synced = life.run.written;
      check(life, life.fs, seed);
    }
  });

  test('a run that was read, half of it, goes on where it was settled, and again after another loss', () => {
    for (let seed = SEED; seed < SEED + 200 * FACTOR; seed++) {
      const life = new Life(seed);
      for (let step = 0; step < 40; step++) life.step();
      life.fs.fault = () => undefined;
      life.run.sync(() => {});
      life.fs.completeSyncs();
      life.synced = life.run.synced;
      const fs = life.fs.afterPowerLoss(life.random);
      const [name] = fs.list(DIRECTORY).flatMap((each) => parseRun(each) ?? []);
      if (name === undefined) continue;
      const run = new AdoptedRun(fs, DIRECTORY, name);
      for (let count = 0; count < 5; count++) {
        const record = run.shift();
        if (record === undefined || life.random() < 0.3) break;
        life.settled = Math.max(life.settled, record.sequence);
        run.settle(record.sequence);
      }
      run.close();
      check(life, fs.afterPowerLoss(life.random), seed);
    }
  });
});

describe('A sync that fails', () => {
  test('is not repeated on the same file: what was written since the last one is written once more', () => {
    const fs = emptyDisk();
    const run = createRun(fs);
    const errors: unknown[] = [];
    const sync = () => run.sync((error) => errors.push(error));
    for (const sequence of [1, 2]) add(run, sequence);
    run.write();
    sync();
    expect([run.written, run.synced]).toEqual([2, 2]);
    for (const sequence of [3, 4]) add(run, sequence);
    run.write();
    fs.fault = (operation) => (operation === 'sync' ? 'EIO' : undefined);
    sync();
    expect([run.written, run.synced]).toEqual([2, 2]);
    expect(errors).toEqual([undefined, expect.objectContaining({ code: 'EIO' })]);
    fs.fault = () => undefined;
    sync();
    expect(run.synced).toBe(2);
    for (const sequence of [3, 4, 5]) add(run, sequence);
    run.write();
    sync();
    expect([run.written, run.synced]).toEqual([5, 5]);
    const [name] = fs.list(DIRECTORY).flatMap((each) => parseRun(each) ?? []);
    if (name === undefined) throw new Error('There is no run');
    // Never on the disk, all that the sync failed to put there.
    for (let seed = 0; seed < 50; seed++) {
      const { sequences } = readAll(new AdoptedRun(fs.afterPowerLoss(seeded(seed)), DIRECTORY, name));
      expect(sequences).toEqual([1, 2, 3, 4, 5]);
    }
  });
});
