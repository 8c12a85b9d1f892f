// `offthread listen --events`: a line for each event, all or those that are looked for.
import { once } from 'node:events';
import { afterEach, expect, test } from 'vitest';
import { type CliRun, startOffthread } from '../helpers/cli.js';
import { post } from '../helpers/raw-client.js';

let runs: CliRun[] = [];
afterEach(async () => {
  for (const { child } of runs) child.kill('SIGKILL');
  await Promise.all(runs.map(({ end }) => end));
  runs = [];
});

/** Starts it, posts bodies, ends it. Gives the lines in between. */
async function listened(args: string[], bodies: unknown[]): Promise<string[]> {
  const started = startOffthread(['listen', '--port', '0', '--no-page', ...args]);
  runs.push(started);
  const [first] = (await once(started.child.stdout ?? started.child, 'data')) as [string];
  const url = /http:[^\s"]+/.exec(first)?.[0] ?? '';
  for (const body of bodies) await post(url, body);
  started.child.kill('SIGINT');
  const { stdout, code } = await started.end;
  expect(code).toBe(0);
  const lines = stdout.split('\n').filter((line) => /^(\d\d:|\{)/.test(line));
  return lines.filter((line) => !/"type":"(listening|summary)"/.test(line));
}

const batch = {
  batch: [
    {
      type: 'track',
      userId: '42',
      event: 'Order Completed',
      properties: { revenue: 39.95, note: 'tall\u202e' },
    },
    { type: 'identify', anonymousId: 'visitor-7', traits: { email: 'ada@example.com' } },
    { type: 'page', userId: '42', category: 'Docs', name: 'Home' },
    { type: 'group', userId: '42', groupId: 'acme', traits: { plan: 'team', filling: 'x'.repeat(500) } },
    { type: 'alias', userId: '42', previousId: 'visitor-7' },
  ],
};

test('each event is one line with its type, name, user and fields', async () => {
  const lines = await listened(['--events'], [batch]);
  expect(lines).toHaveLength(5);
  expect(lines[0]).toMatch(
    /^\d\d:\d\d:\d\d\.\d{3} {2}track +Order Completed +42 +\{"revenue":39.95,"note":"tall\\u202e"\}$/,
  );
  expect(lines[1]).toMatch(/identify +visitor-7 +\{"email":"ada@example.com"\}$/);
  expect(lines[2]).toMatch(/page +Docs Home +42$/);
  expect(lines[3]).toMatch(/group +acme +42 +\{"plan":"team","filling":"x+…$/);
  expect(lines[4]).toMatch(/alias +visitor-7 +42$/);
  for (const line of lines) expect(line.length).toBeLessThanOrEqual(160);
});

test('only events that contain all of the words, in any case', async () => {
  expect(await listened(['--events', 'order'], [batch])).toEqual([
    expect.stringContaining('Order Completed'),
  ]);
  expect(await listened(['--events', 'VISITOR-7 alias'], [batch])).toEqual([
    expect.stringContaining('alias'),
  ]);
  expect(await listened(['--events', 'nothing'], [batch])).toEqual([]);
});

test('with --json, complete events', async () => {
  const lines = await listened(['--events', 'ada', '--json'], [batch]);
  expect(lines.map((line) => JSON.parse(line) as unknown)).toMatchObject([
    { type: 'event', receivedAt: expect.any(String), event: batch.batch[1] },
  ]);
});

test('a request that was refused has a line of its own', async () => {
  const lines = await listened(['--events'], ['no json', batch]);
  expect(lines).toHaveLength(6);
  expect(lines[0]).toMatch(/POST \/v1\/batch .* 400 /);
});
