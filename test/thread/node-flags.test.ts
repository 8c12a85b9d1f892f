// Node.js flags that restrict what code may do don't stop delivery.
import { startTrackingApi, type TrackingApi } from '@offthread/devtools';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { permissionFlag, runProgram } from '../helpers/program.js';

let api: TrackingApi;
beforeAll(async () => {
  api = await startTrackingApi();
}, 60_000);
beforeEach(() => api.reset());
afterAll(() => api.close());

test.each([
  ['--disallow-code-generation-from-strings'],
  ['--jitless'],
  ['--frozen-intrinsics'],
  [permissionFlag, '--allow-worker', '--allow-fs-read=*'],
])('events are delivered under %s', async (...flags) => {
  const ended = await runProgram('send-once.mjs', { flags, args: [JSON.stringify({ host: api.url })] });
  expect(ended).toMatchObject({ code: 0, stderr: '', lines: [{ result: { status: 'ok' }, errors: [] }] });
  expect(await api.messageIds()).toEqual(['first', 'second']);
});
