// The servers of docs/serverless.md for Google Cloud Run: the port in PORT, no CPU time between requests, and SIGTERM with
// SIGKILL 10 s later.
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { connect, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test, vi } from 'vitest';
import { type Process, withPlatform } from '../helpers/platform.js';

vi.setConfig({ testTimeout: 60_000 });

const platform = withPlatform();

/** The command of the Functions Framework. */
const FRAMEWORK = createRequire(import.meta.url)
  .resolve('@google-cloud/functions-framework')
  .replace(/index\.js$/, 'main.js');

async function freePort(): Promise<number> {
  const socket = createServer().listen(0, '127.0.0.1');
  await once(socket, 'listening');
  const address = socket.address();
  socket.close();
  await once(socket, 'close');
  if (typeof address !== 'object' || address === null) throw new Error('the socket is not listening');
  return address.port;
}

describe.each([
  ['a server', 'createServer'],
  ['a function', '@google-cloud/functions-framework'],
])('%s', (_, words) => {
  /** Starts it as Cloud Run does, and waits until the port is open. */
  async function start(): Promise<Process & { url: string }> {
    const port = await freePort();
    const file = platform.example(words);
    const isFunction = words !== 'createServer';
    const started = platform.start(isFunction ? FRAMEWORK : file, [], {
      PORT: String(port),
      ...(isFunction && { FUNCTION_TARGET: 'report', NODE_ENV: 'production' }),
    });
    const url = `http://127.0.0.1:${port}/`;
    for (let tries = 0; tries < 800; tries++) {
      // Any other request would track an event.
      if (await isOpen(port)) return { ...started, url };
      await sleep(25);
    }
    throw new Error(`it does not listen: ${started.output()}`);
  }

  /** Thaws the process for one request, and freezes it after its response. */
  async function request({ child, url }: { child: Process['child']; url: string }): Promise<void> {
    child.kill('SIGCONT');
    const reply = await fetch(url, { signal: AbortSignal.timeout(20_000) });
    expect(await reply.text()).toBe('hello');
    child.kill('SIGSTOP');
  }

  test('delivers each event before it responds', async () => {
    const started = await start();
    for (let count = 1; count <= 3; count++) {
      await request(started);
      expect((await platform.api.counts()).events).toBe(count);
    }
  });

  test('learns that an event was not delivered', async () => {
    await platform.api.behave({ type: 'answer', status: 403 });
    const started = await start();
    await request(started);
    await expect.poll(started.output).toContain('1 events failed, 0 are pending');
  });

  test('delivers what is pending when it is removed, within the 10 s that it has', async () => {
    // Longer than the handler waits, so it responds without a delivery.
    await platform.api.script([{ type: 'answer', status: 503, headers: { 'retry-after': '3' } }]);
    const started = await start();
    await request(started);
    expect((await platform.api.counts()).events).toBe(0);
    started.child.kill('SIGCONT');
    started.child.kill('SIGTERM');
    const late = setTimeout(() => started.child.kill('SIGKILL'), 10_000);
    expect(await started.end).toEqual([0, null]);
    clearTimeout(late);
    expect((await platform.api.counts()).events).toBe(1);
  });
});

async function isOpen(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
