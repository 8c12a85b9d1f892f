// One attempt over the network, with servers that no HTTP server would imitate: how it ends, that it ends, and that it
// leaves nothing behind.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { type RawServer, startRawServer } from '../helpers/raw-server.js';
import { sender } from '../helpers/sender.js';

const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';
const BODY = Buffer.from('{"batch":[]}');
/** More than the kernel buffers. The largest batch might just fit. */
const HUGE_BODY = Buffer.alloc(16 * 1024 * 1024, ' ');
const never = new AbortController().signal;

/** Waits until all connections of the server are closed. */
async function allClosed({ sockets }: RawServer): Promise<void> {
  // A socket that isn't read doesn't notice that its peer has closed the connection.
  for (const socket of sockets) socket.resume();
  await expect.poll(() => sockets.every((socket) => socket.closed), { timeout: 20_000 }).toBe(true);
}

test('an upload that stalls is aborted after requestTimeout, and its connection closed', async () => {
  await using server = await startRawServer((socket) => socket.pause());
  const response = await sender(server, { requestTimeout: 1_000 })(HUGE_BODY, 0, never);
  expect(response).toMatchObject({ type: 'fault', message: 'No answer within 1000 ms' });
  expect(server.sockets[0]?.bytesRead).toBeLessThan(HUGE_BODY.length);
  await allClosed(server);
});

test('a reply that arrives before the upload is complete counts, and the rest of the upload is aborted', async () => {
  await using server = await startRawServer((socket) => {
    socket.once('data', () => {
      socket.pause();
      socket.write('HTTP/1.1 413 Payload Too Large\r\ncontent-length: 3\r\n\r\nbig');
    });
  });
  // Not everything is sent: the body's memory is still being read.
  const response = await sender(server)(HUGE_BODY, 0, never);
  expect(response).toEqual({ type: 'reply', status: 413, text: 'big', sent: false });
  await allClosed(server);
  expect(server.sockets[0]?.bytesRead).toBeLessThan(HUGE_BODY.length);
});

test("after a body is reported as sent, overwriting it doesn't change what arrives", async () => {
  let answerAfter = 0;
  let foreign = 0;
  const server = createServer((request, response) => {
    let received = 0;
    request.on('error', () => {}); // The client disconnects after an early reply.
    request.on('data', (piece: Buffer) => {
      received += piece.length;
      foreign += piece.filter((byte) => byte !== 0x31).length;
      if (received >= answerAfter && !response.writableEnded) response.end('ok');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const send = sender({ url: `http://127.0.0.1:${port}` });
  const sent: (boolean | undefined)[] = [];
  for (const share of [1, 0, 1, 0.1, 0.5, 1, 0.9, 1]) {
    answerAfter = share * HUGE_BODY.length;
    const body = Buffer.alloc(HUGE_BODY.length, '1');
    const response = await send(body, 0, never);
    expect(response).toMatchObject({ type: 'reply', status: 200 });
    if (response.type === 'reply') sent.push(response.sent);
    if (response.type === 'reply' && response.sent) body.fill('2');
  }
  server.closeAllConnections();
  server.close();
  expect(foreign).toBe(0);
  expect(sent.filter((each, index) => each && [0, 2, 5, 7].includes(index))).toHaveLength(4);
  expect(sent).toContain(false);
});

test('a reply that closes the connection during the upload counts, or is a fault', async () => {
  await using server = await startRawServer((socket) => {
    socket.once('data', () => {
      socket.end('HTTP/1.1 413 Payload Too Large\r\nconnection: close\r\ncontent-length: 3\r\n\r\nbig');
      setTimeout(() => socket.resetAndDestroy(), 50);
    });
  });
  const send = sender(server);
  for (let n = 0; n < 10; n++) {
    const response = await send(HUGE_BODY, 0, never);
    if (response.type === 'reply') expect(response.status).toBe(413);
    else expect(response.type).toBe('fault');
  }
  await allClosed(server);
});

test('data after the reply is ignored', async () => {
  await using server = await startRawServer((socket) => {
    socket.on('data', () => {
      socket.write(`${OK}HTTP/1.1 500 Unasked\r\n\r\n\u0000garbage`);
    });
  });
  const send = sender(server);
  for (let n = 0; n < 10; n++) {
    const response = await send(BODY, 0, never);
    if (response.type === 'reply') expect(response.status).toBe(200);
    else expect(response.type).toBe('fault');
    await delay(10);
  }
});

test('garbage on an idle connection is ignored', async () => {
  await using server = await startRawServer((socket) => {
    socket.on('data', () => {
      socket.write(OK);
      setTimeout(() => socket.write('\u0000 this is not HTTP'), 20);
    });
  });
  const send = sender(server);
  for (let n = 0; n < 3; n++) {
    expect(await send(BODY, 0, never)).toMatchObject({ type: 'reply', status: 200 });
    await delay(100);
  }
});

test("a connection that the server closes while it is idle isn't reused", async () => {
  await using server = await startRawServer((socket) => {
    socket.on('data', () => {
      socket.write(OK);
      setTimeout(() => socket.end(), 20);
    });
  });
  const send = sender(server);
  for (let n = 0; n < 3; n++) {
    expect(await send(BODY, 0, never)).toMatchObject({ type: 'reply', status: 200 });
    await delay(100);
  }
  expect(server.sockets).toHaveLength(3);
});

test.each([
  ['only interim replies', 'HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(50)],
  ['half a status line', 'HTTP/1.1 20'],
  ['endless headers', 'HTTP/1.1 200 OK\r\nx-one: 1\r\n'],
  ['an unrequested upgrade', 'HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n'],
])('%s is a fault before the timeout', async (_name, answer) => {
  await using server = await startRawServer((socket) => {
    socket.on('data', () => socket.write(answer));
  });
  expect(await sender(server, { requestTimeout: 300 })(BODY, 0, never)).toMatchObject({ type: 'fault' });
  await allClosed(server);
});

test.each([
  ['a body that never ends', 'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf'],
  ['a body in chunks that never ends', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n'],
  ['an invalid chunk', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\nxyz\r\n'],
])("%s doesn't change the status, and delays nothing", async (_name, answer) => {
  await using server = await startRawServer((socket) => {
    socket.on('data', () => socket.write(answer));
  });
  const response = await sender(server, { requestTimeout: 300 })(BODY, 0, never);
  expect(response).toMatchObject({ type: 'reply', status: 200 });
  await allClosed(server);
});

test('at most 64 KiB of a reply are read', async () => {
  await using server = await startRawServer((socket) => {
    socket.on('data', () => {
      socket.write('HTTP/1.1 500 Oh\r\ncontent-length: 64000000\r\n\r\n');
      socket.write('x'.repeat(64_000_000));
    });
  });
  const response = await sender(server)(BODY, 0, never);
  expect(response).toEqual({ type: 'reply', status: 500, text: 'x'.repeat(200), sent: true });
  await allClosed(server);
});

test('an abort ends the request and its connection', async () => {
  await using server = await startRawServer((socket) => socket.resume());
  const controller = new AbortController();
  const response = sender(server, { requestTimeout: 60_000 })(BODY, 0, controller.signal);
  await expect.poll(() => server.sockets.length).toBe(1);
  controller.abort();
  expect(await response).toMatchObject({ type: 'fault' });
  await allClosed(server);
});

test('an abort while the body is being compressed sends nothing', async () => {
  await using server = await startRawServer((socket) => socket.resume());
  const controller = new AbortController();
  const send = sender(server, { gzip: true, requestTimeout: 60_000 });
  const response = send(HUGE_BODY, 0, controller.signal);
  controller.abort();
  expect(await response).toMatchObject({ type: 'fault' });
  expect(await send(BODY, 0, controller.signal)).toMatchObject({ type: 'fault' });
  await delay(100);
  expect(server.sockets).toEqual([]);
});

test('a name with several addresses, none of which answers, is a fault with a reason', async () => {
  const server = await startRawServer(() => {});
  const url = server.url.replace('127.0.0.1', 'localhost');
  await server[Symbol.asyncDispose]();
  const response = await sender({ url })(BODY, 0, never);
  expect(response).toMatchObject({ type: 'fault', message: expect.stringContaining('ECONNREFUSED') });
});

test('listeners and timers of earlier requests are removed', async () => {
  await using server = await startRawServer((socket) => {
    socket.on('data', () => socket.write(OK));
  });
  const { signal } = new AbortController();
  const added = { count: 0 };
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = (...given: Parameters<typeof add>) => {
    added.count++;
    add(...given);
  };
  signal.removeEventListener = (...given: Parameters<typeof remove>) => {
    added.count--;
    remove(...given);
  };
  const timers = (): number => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
  const send = sender(server, { requestTimeout: 60_000 });
  await send(BODY, 0, signal);
  const before = timers();
  for (let n = 0; n < 20; n++) await send(BODY, n, signal);
  expect(added.count).toBeLessThanOrEqual(0);
  expect(timers()).toBeLessThanOrEqual(before);
  expect(server.sockets).toHaveLength(1);
});
