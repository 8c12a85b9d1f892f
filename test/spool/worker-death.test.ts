// The worker thread dies while it has events of a client with a spool: the next one goes on with the same run.
import { readdirSync } from 'node:fs';
import { startTrackingApi } from '@offthread/devtools';
import { describe, expect, test } from 'vitest';
import { makeFolder } from '../helpers/folder.js';
import { runProgram } from '../helpers/program.js';

const ids = Array.from({ length: 300 }, (_, index) => `id-${index}`);

const DEATHS = [
  ['throw', 1],
  ['exit', 2],
  ['memory', 1],
  ['spin', 2],
] as const;

const CLIENTS = [
  ['a blocking flush', true, false],
  ['an asynchronous flush', false, false],
  ['a blocking flush and strict', true, true],
  ['an asynchronous flush and strict', false, true],
] as const;

describe.concurrent.each(DEATHS)('by %s after request %d', (manner, request) => {
  test.each(CLIENTS)('with %s, and no event is lost', { timeout: 60_000 }, async (_, blocking, strict) => {
    await using api = await startTrackingApi({ in: 'thread' });
    using folder = makeFolder();
    const orders = [{ manner, when: 'request', request, after: 20 }];
    // A busy machine may not run a thread for a second, which is what kills it only if it spins.
    const patience = manner === 'throw' || manner === 'exit' ? 10_000 : undefined;
    const settings = { spool: { directory: folder.path, strict } };
    const plan = { host: api.url, ids, orders, blocking, patience, settings };
    const ended = await runProgram('crash.mjs', { args: [JSON.stringify(plan)] });
    expect(ended).toMatchObject({ code: 0, signal: null, stderr: '' });
    expect(ended.lines.filter((line) => 'error' in line)).toEqual([]);
    expect(ended.lines.at(-1)).toMatchObject({ balanced: true, workers: 2, delivered: 300 });
    expect([...new Set(await api.messageIds())].sort()).toEqual([...ids].sort());
    // Nothing is left of its run.
    expect(readdirSync(folder.path).filter((name) => name.split('.').length === 3)).toEqual([]);
  });
});
