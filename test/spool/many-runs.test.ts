// What other processes have left, however much it is, doesn't keep the thread from writing new events: it takes it over in
// small steps.
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AdoptedEvents } from '@offthread/worker/spool/adopted-events';
import {
  type AdoptedRun,
  bootId,
  type FileSystem,
  Holder,
  newHolder,
  nodeFileSystem,
  OwnRun,
  parseRun,
  type RunName,
  shortSource,
  writeHolderFile,
} from '@offthread/worker/spool/index';
import { SpoolDirectory } from '@offthread/worker/spool/spool-directory';
import { expect, test, vi } from 'vitest';
import { withFolder } from '../helpers/folder.js';
import { add, IDENTITY } from '../helpers/spool-run.js';
import { upTo } from '../helpers/with-api.js';

const RUNS = 60;

let directory = '';
withFolder((path) => {
  directory = path;
});

/** As many processes leave it that have ended: each a run, most of it settled. */
function leaveRuns(): void {
  for (const _ of upTo(RUNS)) {
    const holder = newHolder();
    writeFileSync(
      join(directory, `${holder}.holder`),
      writeHolderFile({ boot: bootId(), listens: true, count: 3 }),
    );
    const run = OwnRun.create(
      { fs: nodeFileSystem, directory, holder, identity: IDENTITY, wallTime: Date.now },
      0,
    );
    for (const index of upTo(200)) add(run, index + 1);
    run.write();
    run.settle(190);
    run.save();
  }
}

/** Lets what this process has begun go on for some turns of its event loop, however long they take. */
async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** Counts the operations of a file system between two turns of the event loop, and its open files. */
class Turns {
  most = 0;
  mostOpen = 0;
  #open = 0;
  #count = 0;
  #isOver = false;
  readonly fs: FileSystem = new Proxy(nodeFileSystem, {
    get: (target, name) => {
      this.#count++;
      if (name === 'open') this.mostOpen = Math.max(this.mostOpen, ++this.#open);
      if (name === 'close') this.#open--;
      return Reflect.get(target, name);
    },
  });

  constructor() {
    const turn = (): void => {
      this.most = Math.max(this.most, this.#count);
      this.#count = 0;
      if (!this.#isOver) setImmediate(turn);
    };
    turn();
  }

  end(): void {
    this.#isOver = true;
  }
}

test(`A thread that takes over ${RUNS} runs does a few operations at a time, and has a few files open`, async () => {
  leaveRuns();
  const holder = new Holder(directory);
  const watch = new Turns();
  const spool = new SpoolDirectory(directory, holder.id, watch.fs);
  let adopted = 0;
  let counts = 0;
  let looks = 0;
  const events = new AdoptedEvents({ isExpired: () => false, onEnd() {} });
  const client = {
    source: shortSource(IDENTITY.source),
    bytesOnDisk: 0,
    adoptRun(run: Parameters<AdoptedEvents['push']>[0]) {
      events.push(run);
      adopted++;
      spool.bytesOf(client.source, true);
    },
    has: () => false,
    look() {
      looks++;
    },
    tidy: () => events.removeQuiet(),
    onCount() {
      counts++;
    },
    onForeign() {},
    onFailure(error: unknown) {
      throw error;
    },
  };
  try {
    spool.add(client);
    for (const end = performance.now() + 20_000; performance.now() < end && adopted < RUNS; )
      await new Promise((resolve) => setTimeout(resolve, 20));
    expect(adopted).toBe(RUNS);
    while (events.oldest !== undefined) {
      const frame = events.shift();
      if (frame !== undefined) events.settle(frame.sequence);
      if (frame?.sequence === 200) await new Promise((resolve) => setImmediate(resolve));
    }
    await client.tidy();
    await turns(20);
  } finally {
    watch.end();
    spool.delete(client, []);
    events.close();
    holder.close();
  }
  expect(counts).toBeGreaterThan(0);
  // Before each step it wrote new events: a run is claimed, opened and counted, and its process is cleared away.
  expect(looks).toBeGreaterThan(3 * RUNS);
  expect(spool.bytesOf(client.source, false)).toBeGreaterThan(RUNS * 12_288);
  // The files of the processes are gone, and the runs are this one's.
  const names = readdirSync(directory);
  expect(names.filter((name) => name.endsWith('.holder')).length).toBeLessThanOrEqual(1);
  expect(new Set(names.flatMap((name) => parseRun(name)?.holder ?? []))).toEqual(new Set([holder.id]));
  expect(watch.most).toBeLessThan(60);
  expect(watch.mostOpen).toBeLessThan(10);
});

test('Runs of this process that nobody sends, because a worker has died, are taken over by the next one', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  const holder = new Holder(directory);
  const leave = () =>
    OwnRun.create(
      { fs: nodeFileSystem, directory, holder: holder.id, identity: IDENTITY, wallTime: Date.now },
      0,
    ).name;
  const [own, orphan] = [leave(), leave()];
  const spool = new SpoolDirectory(directory, holder.id);
  const adopted: string[] = [];
  const client = {
    source: shortSource(IDENTITY.source),
    bytesOnDisk: 0,
    has: ({ run }: RunName) => run === own.run || adopted.includes(run),
    adoptRun(run: AdoptedRun) {
      adopted.push(run.name.run);
      run.close();
    },
    look() {},
    tidy: async () => {},
    onCount() {},
    onForeign() {},
    onFailure(error: unknown) {
      throw error;
    },
  };
  const search = async (ms: number): Promise<void> => {
    vi.advanceTimersByTime(ms);
    await turns(60);
  };
  try {
    spool.add(client);
    await search(0);
    await search(60_000);
    // A run that is as new as that may be one that main has just made.
    expect(adopted).toEqual([]);
    await search(60_000);
    expect(adopted).toEqual([orphan.run]);
    await search(60_000);
    await search(60_000);
    expect(adopted).toEqual([orphan.run]);
  } finally {
    spool.delete(client, []);
    holder.close();
    vi.useRealTimers();
  }
});
