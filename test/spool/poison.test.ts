// An event that ends each process that sends it is found, and the others arrive.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { startTrackingApi, type TrackingApi } from '@offthread/devtools';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { withFolder } from '../helpers/folder.js';
import { runProgram } from '../helpers/program.js';
import { FACTOR } from '../helpers/torture.js';
import { upTo } from '../helpers/with-api.js';

vi.setConfig({ testTimeout: 120_000 });

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

/** Runs a process that dies of the word "poison". */
function run(count: number, poison: number) {
  const settings = { writeKey: 'KEY', host: api.url, spool: { directory, strict: true } };
  return runProgram('spool-poison.mjs', { args: [JSON.stringify(settings), String(count), String(poison)] });
}

test.each(FACTOR === 1 ? [0, 12] : [0, 1, 12, 28, 29])(
  'The processes that send event %d die, until it is put aside, and all others arrive once',
  async (poison) => {
    // Dies of its own event.
    expect(await run(30, poison)).toMatchObject({ signal: 'SIGKILL' });
    let deaths = 0;
    let last = await run(0, -1);
    for (; last.signal === 'SIGKILL' && deaths < 10; deaths++) last = await run(0, -1);
    expect(last).toMatchObject({ code: 0, signal: null, stderr: '' });
    expect(deaths).toBe(5);
    const event = { properties: { index: poison, word: 'poison' } };
    expect(last.lines).toMatchObject([{ errors: [{ code: 'worker_crashed', count: 1, events: [event] }] }]);
    const arrived = (await api.events()).map(({ properties }) => properties?.['index']);
    expect(arrived.sort((a, b) => Number(a) - Number(b))).toEqual(
      upTo(30).filter((index) => index !== poison),
    );
    const [file = ''] = readdirSync(directory).filter((name) => name.endsWith('.dead.ndjson'));
    const lines = readFileSync(join(directory, file), 'utf8').trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([{ event, code: 'worker_crashed' }]);
  },
);

test('Processes that are killed while the API is down give no event up', async () => {
  await api.behave({ type: 'answer', status: 503 });
  const settings = { writeKey: 'KEY', host: api.url, spool: { directory, strict: true } };
  for (let count = 0; count < 7; count++) {
    const { requests } = await api.counts();
    await runProgram('spool-stay.mjs', {
      args: [JSON.stringify(settings), count === 0 ? '20' : '0'],
      onLine: async (_, kill) => {
        // Each has sent something, was told to try again, and knows that: it has tried again.
        await api.waitFor({ requests: requests + 2, timeoutMs: 20_000 }).catch(() => {});
        kill('SIGKILL');
      },
    });
  }
  await api.behave({ type: 'ok' });
  const drain = [JSON.stringify(settings), '0', 'drain', '20'];
  const { lines } = await runProgram('spool-client.mjs', { args: drain });
  expect(lines).toMatchObject([{ stats: { spool: { recovered: 20, damaged: 0 } }, errors: [] }]);
  expect(await api.events()).toHaveLength(20);
});

test.each(['close', 'exit', 'signal'])(
  'Processes that end by themselves during a request, by %s, give no event up',
  async (how) => {
    const spool = { directory, strict: true };
    const settings = JSON.stringify({ writeKey: 'KEY', host: api.url, spool, flushOnSignals: ['SIGTERM'] });
    await api.behave({ type: 'hang' });
    await runProgram('spool-client.mjs', { args: [settings, '20', 'kill', '0'] });
    // As many as would be too many if they had been killed.
    for (let count = 0; count < 5; count++) {
      const ended = await runProgram('spool-client.mjs', {
        args: [settings, '0', `${how} in a request`, '0'],
      });
      const end = how === 'signal' ? { code: null, signal: 'SIGTERM' } : { code: 0, signal: null };
      expect(ended).toMatchObject({ ...end, lines: [{ errors: [], stats: { requests: 1 } }] });
    }
    await api.behave({ type: 'ok' });
    const { lines } = await runProgram('spool-client.mjs', { args: [settings, '0', 'drain', '20'] });
    expect(lines).toMatchObject([{ stats: { spool: { recovered: 20, damaged: 0 } }, errors: [] }]);
    expect(new Set((await api.events()).map(({ properties }) => properties?.['index']))).toEqual(
      new Set(upTo(20)),
    );
  },
);
