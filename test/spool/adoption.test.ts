// What a process that is gone has left goes to one other process, and what a process that lives has goes to none.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  AdoptedRun,
  adopt,
  bootId,
  contactHolder,
  folderOf,
  Holder,
  HolderWatch,
  isDead,
  newHolder,
  newRun,
  nodeFileSystem,
  OwnRun,
  parseRun,
  type RunName,
  sourceOf,
  survey,
  writeHolderFile,
} from '@offthread/worker/spool/index';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { add, IDENTITY, readAll } from '../helpers/spool-run.js';
import { upTo } from '../helpers/with-api.js';

const fixture = fileURLToPath(new URL('../fixtures/spool-adopter.mjs', import.meta.url));

let directory = '';
const holders: Holder[] = [];
const children: ChildProcess[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'spool-'));
});

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  // First: each holder would look for its runs among thousands.
  rmSync(directory, { recursive: true, force: true });
  for (const holder of holders.splice(0)) holder.close();
});

function hold(path = directory): Holder {
  const holder = new Holder(path);
  holders.push(holder);
  return holder;
}

/** A run of one event. */
function leaveRun(holder: string, path = directory): RunName {
  const run = OwnRun.create(
    { fs: nodeFileSystem, directory: path, holder, identity: IDENTITY, wallTime: Date.now },
    0,
  );
  add(run, 1);
  run.write();
  return run.name;
}

/** A process that has ended, as its files show it. */
function deadHolder(boot = bootId(), listens = true): string {
  const holder = newHolder();
  writeFileSync(join(directory, `${holder}.holder`), writeHolderFile({ boot, listens, count: 3 }));
  return holder;
}

async function adoptionBy(holder: Holder, watch: HolderWatch = newWatch(), path = directory) {
  const options = { fs: nodeFileSystem, directory: path, holder: holder.id, watch, uid: process.getuid?.() };
  return (await adopt(options, () => true)).claimed;
}

function newWatch(monotonicTime: () => number = () => performance.now(), path = directory): HolderWatch {
  return new HolderWatch({ directory: path, monotonicTime });
}

async function startAdopter(): Promise<ChildProcess> {
  const child = fork(fixture, [directory], { execArgv: ['--conditions=offthread-internal'] });
  children.push(child);
  await once(child, 'message', { signal: AbortSignal.timeout(20_000) });
  return child;
}

interface Claimed {
  readonly holder: string;
  readonly runs: readonly string[];
}

async function adoptAll(child: ChildProcess): Promise<Claimed> {
  child.send({ adopt: true });
  const [message] = await once(child, 'message', { signal: AbortSignal.timeout(20_000) });
  return message as Claimed;
}

describe('Of 300 runs of dead processes', () => {
  test('each goes to one of 8 processes that look at the same moment', async () => {
    const dead = upTo(30).map(() => deadHolder());
    const runs = dead.flatMap((holder) => upTo(10).map(() => leaveRun(holder).run));
    const adopters = await Promise.all(upTo(8).map(() => startAdopter()));
    const claimed = await Promise.all(adopters.map(adoptAll));
    expect(claimed.flatMap((each) => each.runs).sort()).toEqual([...runs].sort());
    for (const each of claimed) {
      const own = survey(nodeFileSystem, directory).runs.filter(({ holder }) => holder === each.holder);
      expect(own.map(({ run }) => run).sort()).toEqual([...each.runs].sort());
    }
    for (const holder of dead) expect(existsSync(join(directory, `${holder}.holder`))).toBe(false);
  });

  test('none is lost when processes are killed that have claimed some', async () => {
    const runs = upTo(300).map(() => leaveRun(deadHolder()).run);
    for (const delay of [5, 10, 20, 30]) {
      const child = await startAdopter();
      child.send({ adopt: true });
      await new Promise((resolve) => setTimeout(resolve, delay));
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    const names = survey(nodeFileSystem, directory).runs;
    expect(names.map(({ run }) => run).sort()).toEqual([...runs].sort());
    const claimed = await adoptionBy(hold());
    expect(claimed.map(({ run }) => run)).toEqual([...runs].sort());
    for (const name of claimed)
      expect(readAll(new AdoptedRun(nodeFileSystem, directory, name)).sequences).toEqual([1]);
  });
});

describe('A run is left to its process', () => {
  test('while that lives, also when it is stopped', async () => {
    leaveRun(deadHolder());
    const child = await startAdopter();
    expect((await adoptAll(child)).runs).toHaveLength(1);
    child.kill('SIGSTOP');
    expect(await adoptionBy(hold())).toEqual([]);
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(await adoptionBy(hold())).toHaveLength(1);
  });

  test('while it is this one', async () => {
    const holder = hold();
    leaveRun(holder.id);
    expect(await adoptionBy(holder)).toEqual([]);
    expect(await adoptionBy(hold())).toEqual([]);
  });

  test('when it is of another user, or nobody wants it', async () => {
    leaveRun(deadHolder());
    const options = { fs: nodeFileSystem, directory, holder: hold().id, watch: newWatch() };
    const isWanted = () => true;
    const others = await adopt({ ...options, uid: (process.getuid?.() ?? 0) + 1 }, isWanted);
    expect(others).toEqual({ claimed: [], unwanted: [] });
    const { claimed, unwanted } = await adopt({ ...options, uid: process.getuid?.() }, () => false);
    expect([claimed.length, unwanted.length]).toEqual([0, 1]);
    expect(survey(nodeFileSystem, directory).runs).toHaveLength(1);
  });

  test.each([
    ['of another boot', { boot: 'another boot', listens: true }],
    ['that cannot listen', { boot: bootId(), listens: false }],
  ])('%s until its number has stood still for two minutes', async (_, { boot, listens }) => {
    const holder = deadHolder(boot, listens);
    leaveRun(holder);
    let time = 0;
    const watch = newWatch(() => time);
    const own = hold();
    expect(await adoptionBy(own, watch)).toEqual([]);
    time = 119_000;
    expect(await adoptionBy(own, watch)).toEqual([]);
    const path = join(directory, `${holder}.holder`);
    writeFileSync(path, writeHolderFile({ boot, listens, count: 4 }));
    time = 121_000;
    expect(await adoptionBy(own, watch)).toEqual([]);
    time = 240_000;
    expect(await adoptionBy(own, watch)).toEqual([]);
    time = 241_000;
    expect(await adoptionBy(own, watch)).toHaveLength(1);
  });
});

describe('A holder is judged', () => {
  const boot = 'this boot';
  const text = (of: string, listens = true) => writeHolderFile({ boot: of, listens, count: 1 }).toString();
  test.each([
    ['ECONNREFUSED', text(boot), 0, true],
    ['ENOENT', text(boot), 0, true],
    ['connected', text(boot), 1e9, false],
    ['EAGAIN', text(boot), 1e9, false],
    ['EACCES', text(boot), 1e9, false],
    ['timeout', text(boot), 1e9, false],
    ['ECONNREFUSED', text('another boot'), 119_999, false],
    ['ECONNREFUSED', text('another boot'), 120_000, true],
    ['connected', text('another boot'), 1e9, false],
    ['ENOENT', text(boot, false), 119_999, false],
    ['ENOENT', text(boot, false), 120_000, true],
    ['ENOENT', undefined, 119_999, false],
    ['ENOENT', undefined, 120_000, true],
    ['ENOENT', 'noise', 0, false],
  ])('by %s, its file and %#', (contact, file, stillFor, dead) => {
    expect(isDead({ text: file, contact, stillFor }, boot)).toBe(dead);
  });
});

describe('A holder', () => {
  test('is reached while it lives, in a directory with a path of any length', async () => {
    const long = join(directory, 'x'.repeat(120), 'y'.repeat(200));
    mkdirSync(long, { recursive: true });
    for (const path of [directory, long]) {
      const holder = hold(path);
      expect(holder.listens).toBe(true);
      expect(readdirSync(path)).toContain(`${holder.id}.sock`);
      expect(await contactHolder(path, holder.id)).toBe('connected');
      leaveRun(holder.id, path);
      expect(await adoptionBy(hold(path), newWatch(undefined, path), path)).toEqual([]);
    }
  });

  test('leaves nothing behind when it is closed', () => {
    hold().close();
    expect(readdirSync(directory)).toEqual([]);
  });

  test('makes its file again when somebody has taken it for dead', () => {
    const holder = hold();
    const path = join(directory, `${holder.id}.holder`);
    rmSync(path);
    holder.sign();
    expect(existsSync(path)).toBe(true);
  });
});

test('Folders and files are for their owner alone', () => {
  const name = leaveRun(hold().id);
  const folder = join(directory, folderOf(name));
  expect(statSync(folder).mode & 0o777).toBe(0o700);
  for (const file of readdirSync(folder)) expect(statSync(join(folder, file)).mode & 0o777).toBe(0o600);
  expect(parseRun(folderOf(name))).toEqual(name);
});

test('5,000 runs of 50 processes that live are left alone', async () => {
  const source = sourceOf('KEY');
  const alive = upTo(50).map(() => hold().id);
  for (const index of upTo(5_000))
    mkdirSync(join(directory, folderOf(newRun(source, alive[index % 50] ?? '', index))));
  expect(await adoptionBy(hold())).toEqual([]);
});
