// What the worker thread keeps for an origin is released with its last client.
import { Analytics } from '@offthread/sdk';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runProgram } from '../helpers/program.js';
import { type RawServer, startRawServer } from '../helpers/raw-server.js';

const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n';

/** Kept open, so that no connection is closed because the thread ends. */
const keeper = new Analytics({ writeKey: 'keeper', stub: true });

beforeAll(() => {
  keeper.track({ userId: 'keeper', event: 'Opened' });
  expect(keeper.flush(20_000).status).toBe('ok');
});
afterAll(() => keeper.close());

/** A server that never closes a connection by itself. */
function startServer(): Promise<RawServer> {
  return startRawServer((socket) => {
    socket.on('data', (piece) => piece.includes('\r\n\r\n') && socket.write(OK));
  });
}

async function deliver(host: string, writeKey: string): Promise<Analytics> {
  const analytics = new Analytics({ writeKey, host });
  analytics.track({ userId: 'u', event: 'E' });
  expect(await analytics.flushAsync(20_000)).toMatchObject({ status: 'ok' });
  return analytics;
}

test('the connection to an origin is closed with its last client, and not before', async () => {
  await using server = await startServer();
  const first = await deliver(server.url, 'first');
  const second = await deliver(server.url, 'second');
  expect(server.sockets).toHaveLength(1);
  await first.close();
  second.track({ userId: 'u', event: 'E' });
  expect(await second.flushAsync(20_000)).toMatchObject({ status: 'ok' });
  expect(server.sockets.map(({ closed }) => closed)).toEqual([false]);
  await second.close();
  await expect.poll(() => server.sockets[0]?.closed, { timeout: 10_000 }).toBe(true);
  // The origin can be used again.
  await (await deliver(server.url, 'third')).close();
  expect(server.sockets).toHaveLength(2);
});

test('and with the last one that is garbage-collected', { timeout: 60_000 }, async () => {
  await using server = await startServer();
  let closed: boolean | undefined;
  const { code, stderr, lines } = await runProgram('collected-origin.mjs', {
    args: [server.url],
    flags: ['--expose-gc'],
    onLine: ({ end }) => {
      if (end === true) closed = server.sockets[0]?.closed;
    },
  });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(lines).toEqual([{ collected: true }, { end: true }]);
  expect(closed).toBe(true);
});
