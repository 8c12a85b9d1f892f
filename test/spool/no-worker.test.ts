// A process whose worker thread can't be started leaves what is stored on the disk, and says so.
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startTrackingApi, type TrackingApi } from '@offthread/devtools';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { runProgram } from '../helpers/program.js';

vi.setConfig({ testTimeout: 60_000 });

let api: TrackingApi;
let directory = '';
beforeAll(async () => {
  api = await startTrackingApi();
});
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'spool-'));
  await api.reset();
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));
afterAll(() => api.close());

const unavailable = expect.objectContaining({
  code: 'worker_unavailable',
  message: expect.stringContaining('No threads on this platform'),
});

async function run(fixture: string, settings: object, ...args: string[]) {
  const all = { writeKey: 'KEY', host: api.url, ...settings };
  const env = { REFUSAL: fixture === 'spool-unavailable.mjs' ? 'No threads on this platform' : '' };
  const ended = await runProgram(fixture, { args: [JSON.stringify(all), ...args], env });
  expect(ended.stderr).toBe('');
  return ended.lines[0] ?? {};
}

test('With strict, what it has accepted is left there too, and the next process sends all of it', async () => {
  const settings = { spool: { directory, strict: true } };
  await api.behave({ type: 'answer', status: 503 });
  await run('spool-client.mjs', settings, '20', 'kill', '0');
  // Without events of its own, nothing else says that those of the other process wait.
  expect(await run('spool-unavailable.mjs', settings, '0')).toMatchObject({ errors: [unavailable] });
  expect(await run('spool-unavailable.mjs', settings, '10')).toMatchObject({
    accepted: 10,
    later: false,
    status: 'worker-dead',
    outcomes: { stored: 10 },
    stats: { accepted: 10, left: 10, pending: 0, dropped: {}, refused: { worker_unavailable: 1 } },
  });
  await api.behave({ type: 'ok' });
  const { stats, errors } = await run('spool-client.mjs', settings, '0', 'drain', '30');
  expect({ stats, errors }).toMatchObject({ stats: { spool: { recovered: 30, damaged: 0 } }, errors: [] });
  expect(new Set(await api.messageIds()).size).toBe(30);
});

test('Without strict, its own events are lost, and what others have left is not', async () => {
  const settings = { spool: directory };
  await api.behave({ type: 'answer', status: 503 });
  await run('spool-client.mjs', settings, '20', 'kill', '0');
  const before = readdirSync(directory, { recursive: true });
  const lost = await run('spool-unavailable.mjs', settings, '10');
  expect(lost).toMatchObject({
    accepted: 10,
    stored: 'failed',
    later: false,
    status: 'worker-dead',
    outcomes: { worker_unavailable: 10 },
    stats: { accepted: 10, left: 0, pending: 0, dropped: { worker_unavailable: 10 } },
  });
  expect(lost['errors']).toContainEqual(unavailable);
  expect(readdirSync(directory, { recursive: true })).toEqual(before);
  await api.behave({ type: 'ok' });
  const { stats } = await run('spool-client.mjs', settings, '0', 'drain', '20');
  expect(stats).toMatchObject({ spool: { recovered: 20 } });
  expect(new Set(await api.messageIds()).size).toBe(20);
});
