// The function of docs/serverless.md for Vercel, with the real @vercel/functions, in a process that is frozen when what
// was passed to waitUntil() has settled.
import { expect, test, vi } from 'vitest';
import { message, type Process, withPlatform } from '../helpers/platform.js';

vi.setConfig({ testTimeout: 60_000 });

const platform = withPlatform();

async function start(): Promise<Process & { url: string }> {
  const file = platform.example('@vercel/functions');
  const started = platform.start(new URL('../fixtures/serverless/vercel.mjs', import.meta.url), [file]);
  const { url } = await message<{ url: string }>(started.child);
  started.child.kill('SIGSTOP');
  return { ...started, url };
}

/** Thaws the process for one request. Resolves with a promise of its freeze as soon as the reply is there. */
async function request({
  child,
  url,
}: {
  child: Process['child'];
  url: string;
}): Promise<() => Promise<unknown>> {
  child.kill('SIGCONT');
  const waited = message<{ waited: number }>(child).then((settled) => {
    child.kill('SIGSTOP');
    return settled;
  });
  const reply = await fetch(url, { signal: AbortSignal.timeout(20_000) });
  expect(await reply.json()).toEqual({ ok: true });
  return () => waited;
}

test('each event is with the API when the process is frozen', async () => {
  const started = await start();
  for (let count = 1; count <= 3; count++) {
    const frozen = await request(started);
    expect(await frozen()).toEqual({ waited: 1 });
    expect((await platform.api.counts()).events).toBe(count);
  }
});

test('the response does not wait for the delivery', async () => {
  await platform.api.behave({ type: 'hang' });
  const started = await start();
  const frozen = await request(started);
  // It has been answered, and the API never answers.
  expect((await platform.api.counts()).events).toBe(0);
  await frozen();
  await expect.poll(started.output).toContain('0 events failed, 1 are pending');
});

test('the function learns that an event was not delivered', async () => {
  await platform.api.behave({ type: 'answer', status: 403 });
  const started = await start();
  await (await request(started))();
  await expect.poll(started.output).toContain('1 events failed, 0 are pending');
});
