// A process that is stopped while it takes over the runs of another one: what it has claimed is its own, and the rest goes to
// one that runs.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startTrackingApi } from '@offthread/devtools';
import {
  bootId,
  newHolder,
  nodeFileSystem,
  OwnRun,
  survey,
  writeHolderFile,
} from '@offthread/worker/spool/index';
import { expect, onTestFinished, test } from 'vitest';
import { add, IDENTITY } from '../helpers/spool-run.js';
import { upTo } from '../helpers/with-api.js';

const stay = fileURLToPath(new URL('../fixtures/spool-stay.mjs', import.meta.url));

/** Enough that a process takes some time to claim them. */
const RUNS = 150;

test('A process that is stopped in the middle of it keeps its runs, and nothing is lost or sent as another event', {
  timeout: 60_000,
}, async () => {
  const api = await startTrackingApi({ maxRecorded: 10 * RUNS });
  const directory = mkdtempSync(join(tmpdir(), 'spool-'));
  const children: ChildProcess[] = [];
  onTestFinished(async () => {
    for (const child of children) child.kill('SIGKILL');
    rmSync(directory, { recursive: true, force: true });
    await api.close();
  });
  const start = (count: number): ChildProcess => {
    const settings = { writeKey: 'KEY', host: api.url, spool: directory };
    const child = spawn(process.execPath, [stay, JSON.stringify(settings), String(count)], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    children.push(child);
    return child;
  };
  /** How many runs each process has. */
  const held = (): Map<string, number> => {
    const counts = new Map<string, number>();
    for (const { holder } of survey(nodeFileSystem, directory).runs)
      counts.set(holder, (counts.get(holder) ?? 0) + 1);
    return counts;
  };
  const until = async (isSo: () => boolean | Promise<boolean>, ms: number): Promise<void> => {
    for (const end = performance.now() + 30_000; !(await isSo()); await sleep(ms))
      if (performance.now() > end) throw new Error('It did not come to that within 30 s');
  };

  /** As a process leaves them that is dead. Returns its name. */
  const leaveRuns = (): string => {
    const dead = newHolder();
    writeFileSync(
      join(directory, `${dead}.holder`),
      writeHolderFile({ boot: bootId(), listens: true, count: 3 }),
    );
    for (const index of upTo(RUNS)) {
      const identity = {
        ...IDENTITY,
        frameDefaults: { ...IDENTITY.frameDefaults, idPrefix: `run-${index}-` },
      };
      const run = OwnRun.create(
        { fs: nodeFileSystem, directory, holder: dead, identity, wallTime: Date.now },
        0,
      );
      for (const sequence of [1, 2]) add(run, sequence);
      run.write();
      run.close();
    }
    return dead;
  };
  /** Starts a process, and stops it when it has some of the runs. */
  const stopInTheMiddle = async (): Promise<{
    dead: string;
    first: ChildProcess;
    holder: string;
    count: number;
  }> => {
    const dead = leaveRuns();
    const first = start(0);
    await until(() => [...held().keys()].some((holder) => holder !== dead), 0);
    first.kill('SIGSTOP');
    // Until it is stopped.
    await sleep(50);
    const [[holder, count] = ['', 0]] = [...held()].filter(([each]) => each !== dead);
    return { dead, first, holder, count };
  };

  let stopped = await stopInTheMiddle();
  // It may have all of them if this process had to wait meanwhile. Then once more.
  for (let tries = 0; tries < 4 && stopped.count === RUNS; tries++) {
    const exit = once(stopped.first, 'exit');
    stopped.first.kill('SIGKILL');
    await exit;
    children.splice(0);
    for (const name of readdirSync(directory))
      rmSync(join(directory, name), { recursive: true, force: true });
    await api.reset();
    stopped = await stopInTheMiddle();
  }
  const { dead, first, holder, count } = stopped;
  expect(count).toBeGreaterThan(0);
  expect(count).toBeLessThan(RUNS);

  const second = start(5);
  await once(second.stdout ?? second, 'data', { signal: AbortSignal.timeout(20_000) });
  await until(() => !held().has(dead), 50);
  expect(held().get(holder)).toBe(count);

  await until(async () => (await api.counts()).events >= 2 * (RUNS - count) + 5, 50);
  // What the stopped one has waits for it.
  expect(held().get(holder)).toBe(count);
  first.kill('SIGCONT');
  await until(async () => new Set(await api.messageIds()).size >= 2 * RUNS + 5, 100);
  const ids = await api.messageIds();
  expect(new Set(ids).size).toBe(2 * RUNS + 5);
  // At most those of the request that was under way come twice.
  expect(ids.length).toBeLessThanOrEqual(2 * RUNS + 5 + 2);
  for (const child of [first, second]) {
    expect(child.exitCode ?? child.signalCode).toBeNull();
    expect(child.stderr?.read()).toBeNull();
  }
});
