// The worker thread dies while it has events of a client with a spool: the next one goes on with the same run.
import { readdirSync } from 'node:fs';
import { startTrackingApi, type TrackingApi } from '@offthread/devtools';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { withFolder } from '../helpers/folder.js';
import { runProgram } from '../helpers/program.js';

let api: TrackingApi;
let directory = '';
withFolder((path) => {
  directory = path;
});
beforeAll(async () => {
  api = await startTrackingApi();
});
afterAll(() => api.close());

const ids = Array.from({ length: 300 }, (_, index) => `id-${index}`);

test.each([
  ['throw', 1],
  ['exit', 2],
  ['memory', 1],
  ['spin', 2],
] as const)('by %s after request %d, and no event is lost', { timeout: 60_000 }, async (manner, request) => {
  for (const [blocking, strict] of [
    [true, false],
    [false, false],
    [true, true],
    [false, true],
  ]) {
    await api.reset();
    const orders = [{ manner, when: 'request', request, after: 20 }];
    // A busy machine may not run a thread for a second, which is what kills it only if it spins.
    const patience = manner === 'throw' || manner === 'exit' ? 10_000 : undefined;
    const plan = {
      host: api.url,
      ids,
      orders,
      blocking,
      patience,
      settings: { spool: { directory, strict } },
    };
    const ended = await runProgram('crash.mjs', { args: [JSON.stringify(plan)] });
    expect(ended).toMatchObject({ code: 0, signal: null, stderr: '' });
    expect(ended.lines.filter((line) => 'error' in line)).toEqual([]);
    expect(ended.lines.at(-1)).toMatchObject({ balanced: true, workers: 2, delivered: 300 });
    expect([...new Set(await api.messageIds())].sort()).toEqual([...ids].sort());
    // Nothing is left of its run.
    expect(readdirSync(directory).filter((name) => name.split('.').length === 3)).toEqual([]);
  }
});
