// offthread spool: what a client has left can be looked at, sent, and written out.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startTrackingApi, type TrackingApi } from '@offthread/devtools';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { offthread, SECRET } from '../helpers/cli.js';
import { runFixture } from '../helpers/fixture.js';
import { withFolder } from '../helpers/folder.js';
import { upTo } from '../helpers/with-api.js';

let api: TrackingApi;
let directory = '';
withFolder((path) => {
  directory = path;
});
beforeAll(async () => {
  api = await startTrackingApi();
});
beforeEach(() => api.reset());
afterAll(() => api.close());

/** Has a client leave events behind. */
async function leave(count: number, writeKey: string = SECRET): Promise<void> {
  await api.behave({ type: 'answer', status: 503 });
  const settings = { writeKey, host: api.url, spool: directory };
  await runFixture('spool-client.mjs', [JSON.stringify(settings), String(count), 'kill']);
  await api.behave({ type: 'ok' });
}

async function indices(): Promise<unknown[]> {
  return (await api.events())
    .map(({ properties }) => properties?.['index'])
    .sort((a, b) => Number(a) - Number(b));
}

test('ls lists the waiting events', async () => {
  await leave(30);
  await leave(12, 'OTHER');
  const { code, stdout } = await offthread(['spool', 'ls', directory, '--json']);
  expect(code).toBe(0);
  const runs = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(runs).toMatchObject([
    { events: 30, damaged: 0, isHeld: false },
    { events: 12, damaged: 0, isHeld: false },
  ]);
  const text = await offthread(['spool', 'ls', directory]);
  expect(text.stdout).toContain('42 events in 2 runs.');
  expect(text.stdout).toContain('not in use');
});

test('ls reports a damaged spool, and exits with 1', async () => {
  await leave(30);
  const [segment = ''] = readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.segment'),
  );
  const content = readFileSync(join(directory, segment));
  content[1_000] = (content[1_000] ?? 0) ^ 1;
  writeFileSync(join(directory, segment), content);
  const { code, stdout } = await offthread(['spool', 'ls', directory]);
  expect(stdout).toContain('29 events');
  expect(stdout).toContain('1 DAMAGED');
  expect(code).toBe(1);
});

test('export writes events as they are sent, and changes nothing', async () => {
  await leave(30);
  const before = readdirSync(directory, { recursive: true });
  const { code, stdout } = await offthread(['spool', 'export', directory]);
  expect(code).toBe(0);
  const events = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(events.map(({ properties }) => properties.index)).toEqual(upTo(30));
  expect(events[0]).toMatchObject({
    type: 'track',
    userId: 'u',
    context: { library: { name: '@offthread/sdk' } },
  });
  expect(readdirSync(directory, { recursive: true })).toEqual(before);
  expect((await offthread(['spool', 'export', directory, '--write-key', 'NONE'])).stdout).toBe('');
});

test('replay sends the events of the write key, and all events with --all', async () => {
  await leave(30);
  await leave(12, 'OTHER');
  const first = await offthread(['spool', 'replay', directory, '--host', api.url, '--json']);
  expect(JSON.parse(first.stdout)).toEqual({ ending: 'done', total: 30, sent: 30, failed: 0 });
  expect(first.stderr).toContain('1 run of other write keys');
  expect(first.code).toBe(0);
  const rest = await offthread(['spool', 'replay', directory, '--host', api.url, '--all', '--json']);
  expect(JSON.parse(rest.stdout)).toMatchObject({ ending: 'done', sent: 12 });
  expect(await indices()).toEqual([...upTo(12), ...upTo(30)].sort((a, b) => a - b));
});

test('replay with a wrong write key reports it, sends nothing and loses nothing', async () => {
  await leave(30);
  await api.behave({ type: 'answer', status: 401 });
  const { code, stderr } = await offthread(['spool', 'replay', directory, '--host', api.url]);
  expect(code).toBe(1);
  expect(stderr).toContain('Check the write key');
  await api.behave({ type: 'ok' });
  expect((await offthread(['spool', 'replay', directory, '--host', api.url])).code).toBe(0);
  expect(await indices()).toEqual(upTo(30));
});

test('a path that is not a directory is an error, and doctor checks a directory', async () => {
  expect((await offthread(['spool', 'ls', join(directory, 'none')])).code).toBe(2);
  const args = ['doctor', '--host', api.url, '--no-sample', '--json', '--spool'];
  const { checks } = JSON.parse((await offthread([...args, directory])).stdout);
  expect(checks.at(-1)).toMatchObject({ name: 'spool', status: expect.stringMatching(/ok|warning/) });
  const bad = JSON.parse((await offthread([...args, join(directory, 'none')])).stdout);
  expect(bad.checks.at(-1)).toMatchObject({ name: 'spool', status: 'failed' });
});
