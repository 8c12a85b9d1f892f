// What a relay has answered with 200 is on the disk after a loss of power, whatever became of the rest.
import { expect, test } from 'vitest';
import { GroupCommit } from '../../packages/relay/src/engine/disk/group-commit.js';
import { SourceLog } from '../../packages/relay/src/engine/disk/source-log.js';
import { ModelFileSystem, seeded } from '../helpers/model-file-system.js';

const DIRECTORY = '/relay';
const SOURCE = 'c'.repeat(32);
const PARTITIONS = 2;

/** Lets promises that are already settled go on. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function open(fs: ModelFileSystem): Promise<SourceLog> {
  return SourceLog.open(fs, DIRECTORY, SOURCE, {
    partitions: PARTITIONS,
    maxDeadLetters: 100,
    maxBytes: 1_000_000,
  });
}

/** A relay's life: requests arrive, entries are delivered, and its disk fails now and then. */
class Life {
  readonly fs = new ModelFileSystem();
  readonly random: () => number;
  readonly commits = new GroupCommit(() => true);
  /** Names of the events that were answered, and of those that were removed again. */
  readonly answered = new Set<string>();
  readonly removed = new Set<string>();
  #log: SourceLog | undefined;
  #made = 0;

  constructor(seed: number) {
    this.random = seeded(seed);
    this.fs.makeFolder(DIRECTORY);
    this.fs.syncFolder('/', () => {});
  }

  async start(): Promise<void> {
    this.#log = await open(this.fs);
    this.fs.isLazy = this.random() < 0.5;
    if (this.random() < 0.5) this.fs.fault = (operation) => this.#fault(operation);
  }

  async step(): Promise<void> {
    const chance = this.random();
    if (chance < 0.6) this.#request();
    else if (chance < 0.8) this.fs.completeSyncs();
    else this.#deliver();
    await turn();
  }

  #request(): void {
    const events = Array.from({ length: PARTITIONS }, (_, partition) => ({
      partition,
      texts: Array.from({ length: 1 + Math.floor(this.random() * 3) }, () => this.#event()),
    })).filter(() => this.random() < 0.7);
    const sent = events.flatMap(({ texts }) => texts.map((text) => JSON.parse(text).name as string));
    if (this.#log === undefined || events.length === 0) return;
    this.commits.store(this.#log, events, 1).then(
      () => {
        for (const name of sent) this.answered.add(name);
      },
      () => {}, // Not answered with 200.
    );
  }

  #event(): string {
    const name = `e${this.#made++}`;
    return JSON.stringify({ name, note: 'x'.repeat(Math.floor(this.random() * 400)) });
  }

  /** Removes the first entries of a partition, as when they are delivered. */
  #deliver(): void {
    const log = this.#log?.partitions[Math.floor(this.random() * PARTITIONS)];
    const entries = log?.read(undefined, 1 + Math.floor(this.random() * 4)) ?? [];
    for (const { texts } of entries) for (const text of texts) this.removed.add(JSON.parse(text).name);
    log?.remove(entries.map(({ id }) => id));
  }

  #fault(operation: string): string | undefined {
    if (operation !== 'write' && operation !== 'sync' && operation !== 'truncate') return undefined;
    return this.random() < 0.05 ? 'EIO' : undefined;
  }
}

/** The names of the events that another process finds, in the order of each partition. */
async function namesIn(fs: ModelFileSystem): Promise<string[]> {
  fs.isLazy = false;
  fs.fault = () => undefined;
  const log = await open(fs);
  const names = log.partitions.flatMap((partition) =>
    partition.read(undefined, 100_000).flatMap(({ texts }) => texts.map((text) => JSON.parse(text).name)),
  );
  expect(log.backlog().events).toBe(names.length);
  log.close();
  return names;
}

test.each([0, 1, 2, 3])('after a loss of power at any moment, quarter %d', async (quarter) => {
  for (let seed = quarter * 30; seed < (quarter + 1) * 30; seed++) {
    const life = new Life(seed);
    await life.start();
    for (let step = 0; step < 50; step++) {
      await life.step();
      if (step % 4 !== 0) continue;
      const wanted = [...life.answered].filter((name) => !life.removed.has(name));
      const found = await namesIn(life.fs.afterPowerLoss(life.random));
      expect(new Set(found).size, `seed ${seed}: something is there twice`).toBe(found.length);
      expect(
        wanted.filter((name) => !found.includes(name)),
        `seed ${seed}, step ${step}`,
      ).toEqual([]);
    }
    life.fs.fault = () => undefined;
    life.fs.completeSyncs();
  }
});
