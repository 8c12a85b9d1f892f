// The handlers of docs/serverless.md in a process that is frozen after each response, as AWS Lambda does.
import type { ChildProcess } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';
import { message, type Process, withPlatform } from '../helpers/platform.js';

vi.setConfig({ testTimeout: 60_000 });

const platform = withPlatform();

interface Invoked {
  readonly response: { readonly statusCode: number };
  readonly elapsedMs: number;
}

/** Starts a process with a handler of the page, and freezes it. 0: one client for all invocations, 1: one for each. */
async function start(handler = 0): Promise<Process> {
  const file = platform.example('export const handler', handler);
  const started = platform.start(new URL('../fixtures/serverless/lambda.mjs', import.meta.url), [file]);
  await message(started.child);
  started.child.kill('SIGSTOP');
  return started;
}

/** Thaws the process for one invocation, and freezes it as soon as it has responded. */
async function invoke({ child }: { child: ChildProcess }): Promise<Invoked> {
  child.kill('SIGCONT');
  child.send('invoke');
  const invoked = await message<Invoked>(child);
  child.kill('SIGSTOP');
  return invoked;
}

test('each event is with the API when the process is frozen', async () => {
  const started = await start();
  for (let count = 1; count <= 3; count++) {
    expect((await invoke(started)).response).toEqual({ statusCode: 200 });
    expect((await platform.api.counts()).events).toBe(count);
    await sleep(300);
  }
  // All of them on the same connection: the client and its worker thread outlive an invocation.
  const requests = await platform.api.requests();
  expect(new Set(requests.map(({ connection }) => connection)).size).toBe(1);
});

test('a client for each invocation delivers before the freeze too', async () => {
  const started = await start(1);
  for (let count = 1; count <= 3; count++) {
    expect((await invoke(started)).response).toEqual({ statusCode: 200 });
    expect((await platform.api.counts()).events).toBe(count);
  }
});

test.each([
  ['one client', 0],
  ['a client for each', 1],
])('a warm invocation with %s takes one request', async (name, handler) => {
  await platform.api.behave({ type: 'ok', delayMs: 50 });
  const started = await start(handler);
  const cold = await invoke(started);
  const warm = await invoke(started);
  process.stdout.write(
    `Lambda, ${name}: ${Math.round(cold.elapsedMs)} ms cold, ${warm.elapsedMs.toFixed(1)} ms warm, of which 50 ms are the API\n`,
  );
  expect(await platform.api.counts()).toMatchObject({ requests: 2, events: 2 });
  expect(warm.elapsedMs).toBeGreaterThanOrEqual(49);
});

test('an API that has closed the connection during the freeze costs no event', async () => {
  const started = await start();
  await invoke(started);
  await platform.api.stop();
  await platform.api.start();
  expect((await invoke(started)).response).toEqual({ statusCode: 200 });
  expect(await platform.api.counts()).toMatchObject({ events: 2 });
});

test('the handler learns that an event was not delivered', async () => {
  await platform.api.behave({ type: 'answer', status: 403 });
  const started = await start();
  expect((await invoke(started)).response).toEqual({ statusCode: 200 });
  await expect.poll(started.output).toContain('1 events failed, 0 are pending');
});

test('what could not be sent before the freeze is sent during the next invocation', async () => {
  // Longer than the handler waits.
  await platform.api.script([{ type: 'answer', status: 503, headers: { 'retry-after': '3' } }]);
  const started = await start();
  await invoke(started);
  expect((await platform.api.counts()).events).toBe(0);
  for (let tries = 0; tries < 100 && (await platform.api.counts()).events < 2; tries++) {
    await invoke(started);
    await sleep(50);
  }
  expect((await platform.api.counts()).events).toBeGreaterThanOrEqual(2);
});
