// Processes that share the directory, and see it at different paths and none of each other's ids: as two containers do.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseRun } from '@offthread/worker/spool/index';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { runFixture } from '../helpers/fixture.js';
import { upTo, withApi } from '../helpers/with-api.js';

vi.setConfig({ testTimeout: 60_000 });

const bench = withApi();
const stay = fileURLToPath(new URL('../fixtures/spool-stay.mjs', import.meta.url));

let place = '';
let directory = '';
const children: ChildProcess[] = [];

beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'spool-'));
  directory = join(place, 'shared');
  mkdirSync(directory);
});

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  rmSync(place, { recursive: true, force: true });
});

/** Runs a command in mount and process namespaces of its own, where `directory` is mounted at `path`. */
function inNamespaces(path: string, ...command: string[]): string[] {
  const mount = 'mount --bind "$1" "$2" && shift 2 && exec "$@"';
  return ['unshare', '-mpf', '--kill-child', 'sh', '-c', mount, 'sh', directory, path, ...command];
}

/** Starts a process that sees the directory at another path, and returns when its events are on the disk. */
async function start(name: string, count: number, isApart: boolean): Promise<ChildProcess> {
  const path = join(place, name);
  if (isApart) mkdirSync(path);
  else symlinkSync(directory, path);
  const settings = { writeKey: 'KEY', host: bench.api.url, spool: path };
  const command = [process.execPath, stay, JSON.stringify(settings), String(count)];
  const [executable = '', ...args] = isApart ? inNamespaces(path, ...command) : command;
  const child = spawn(executable, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  const [line] = await once(child.stdout, 'data', { signal: AbortSignal.timeout(20_000) });
  const { stored, pid } = JSON.parse(String(line));
  expect(stored).toBe('ok');
  // Nothing of this process is known by a number.
  if (isApart) expect(pid).toBeLessThan(10);
  return child;
}

function holders(): string[] {
  return readdirSync(directory).flatMap((name) => parseRun(name)?.holder ?? []);
}

test('What one of them has is its own while it lives, and another one sends it when it is dead', async () => {
  // Where the system forbids namespaces, the paths still differ. The ids of processes play no part in either case.
  const isApart = spawnSync('unshare', ['-mpf', 'mount', '-t', 'tmpfs', 'none', place]).status === 0;
  await bench.api.behave({ type: 'answer', status: 503 });
  const first = await start('first', 30, isApart);
  const [holder] = holders();
  await start('second', 20, isApart);
  // It looks for runs of the dead when it starts.
  await sleep(1_000);
  expect(holders()).toHaveLength(2);
  expect(holders()).toContain(holder);
  first.kill('SIGKILL');
  await once(first, 'exit');
  await bench.api.behave({ type: 'ok' });
  const settings = { writeKey: 'KEY', host: bench.api.url, spool: directory };
  const { stdout } = await runFixture('spool-client.mjs', [JSON.stringify(settings), '0', 'drain', '30']);
  expect(JSON.parse(stdout)).toMatchObject({ stats: { spool: { recovered: 30 } }, errors: [] });
  const end = performance.now() + 20_000;
  while ((await bench.api.counts()).events < 50 && performance.now() < end) await sleep(50);
  const ids = (await bench.api.events()).map(({ messageId }) => messageId);
  expect(new Set(ids).size).toBe(50);
  const indices = (await bench.api.events()).map(({ properties }) => Number(properties?.['index']));
  expect(indices.sort((a, b) => a - b)).toEqual([...upTo(30), ...upTo(20)].sort((a, b) => a - b));
});
