// The handler of docs/serverless.md in a process that is frozen after each response, as AWS Lambda does.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startTrackingApi, type TrackingApi } from '@offthread/devtools';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { read } from '../helpers/markdown.js';

vi.setConfig({ testTimeout: 60_000 });

const folder = mkdtempSync(join(tmpdir(), 'offthread-lambda-'));
let api: TrackingApi;
let runtime: ChildProcess | undefined;

beforeAll(async () => {
  symlinkSync(fileURLToPath(new URL('../node_modules', import.meta.url)), join(folder, 'node_modules'));
  api = await startTrackingApi();
});
beforeEach(() => api.reset());
afterEach(() => runtime?.kill('SIGKILL'));
afterAll(async () => {
  await api.close();
  rmSync(folder, { recursive: true });
});

interface Invoked {
  readonly response: { readonly statusCode: number };
  readonly elapsedMs: number;
}

/** The handlers of the page: with one client for all invocations, and with one for each. */
const HANDLERS = [...read('docs/serverless.md').matchAll(/^```js\n(.*?)^```/gms)].map(
  ([, code = '']) => code,
);

/** Starts a process with a handler of the page, and freezes it. */
async function start(handler = 0): Promise<ChildProcess> {
  expect(HANDLERS).toHaveLength(2);
  const code = HANDLERS[handler] ?? '';
  const file = join(folder, 'handler.mjs');
  writeFileSync(file, code.replace("writeKey: 'YOUR_WRITE_KEY'", `$&, host: '${api.url}'`));
  expect(readFileSync(file, 'utf8')).toContain(api.url);
  const child = fork(new URL('../fixtures/lambda.mjs', import.meta.url), [file], {
    execArgv: [],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  runtime = child;
  await once(child, 'message', { signal: AbortSignal.timeout(20_000) });
  child.kill('SIGSTOP');
  return child;
}

/** Thaws the process for one invocation, and freezes it as soon as it has responded. */
async function invoke(child: ChildProcess): Promise<Invoked> {
  child.kill('SIGCONT');
  child.send('invoke');
  const [invoked] = await once(child, 'message', { signal: AbortSignal.timeout(20_000) });
  child.kill('SIGSTOP');
  return invoked as Invoked;
}

test('each event is with the API when the process is frozen', async () => {
  const child = await start();
  for (let count = 1; count <= 3; count++) {
    expect((await invoke(child)).response).toEqual({ statusCode: 200 });
    expect((await api.counts()).events).toBe(count);
    await sleep(300);
  }
  // All of them on the same connection: the client and its worker thread outlive an invocation.
  const requests = await api.requests();
  expect(new Set(requests.map(({ connection }) => connection)).size).toBe(1);
});

test('a client for each invocation delivers before the freeze too', async () => {
  const child = await start(1);
  for (let count = 1; count <= 3; count++) {
    expect((await invoke(child)).response).toEqual({ statusCode: 200 });
    expect((await api.counts()).events).toBe(count);
  }
});

test.each([
  ['one client', 0],
  ['a client for each', 1],
])('a warm invocation with %s takes one request', async (name, handler) => {
  await api.behave({ type: 'ok', delayMs: 50 });
  const child = await start(handler);
  const cold = await invoke(child);
  const warm = await invoke(child);
  process.stdout.write(
    `Lambda, ${name}: ${Math.round(cold.elapsedMs)} ms cold, ${warm.elapsedMs.toFixed(1)} ms warm, of which 50 ms are the API\n`,
  );
  expect(await api.counts()).toMatchObject({ requests: 2, events: 2 });
  expect(warm.elapsedMs).toBeGreaterThanOrEqual(49);
});

test('an API that has closed the connection during the freeze costs no event', async () => {
  const child = await start();
  await invoke(child);
  await api.stop();
  await api.start();
  expect((await invoke(child)).response).toEqual({ statusCode: 200 });
  expect(await api.counts()).toMatchObject({ events: 2 });
});

test('the handler learns that an event was not delivered', async () => {
  await api.behave({ type: 'answer', status: 403 });
  const child = await start();
  let stderr = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  expect((await invoke(child)).response).toEqual({ statusCode: 200 });
  for (let tries = 0; tries < 200 && !stderr.includes('are pending'); tries++) await sleep(25);
  expect(stderr).toContain('1 events failed, 0 are pending');
});

test('what could not be sent before the freeze is sent during the next invocation', async () => {
  await api.script([{ type: 'hang' }]);
  const child = await start();
  await invoke(child);
  expect((await api.counts()).events).toBe(0);
  await api.behave({ type: 'ok' });
  await sleep(200);
  for (let tries = 0; tries < 20 && (await api.counts()).events < 2; tries++) await invoke(child);
  expect((await api.counts()).events).toBeGreaterThanOrEqual(2);
});
