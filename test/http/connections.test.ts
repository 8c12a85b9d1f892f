// Connections are reused, but not forever: not after five idle seconds. After ten minutes or a fault, the host's
// address is resolved again. Two servers, and a name that moves from one to the other.
import dns from 'node:dns';
import type { Socket } from 'node:net';
import { isOutdated, MAX_CONNECTION_AGE_MS, MAX_IDLE_MS } from '@offthread/worker/http/connections';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type RawServer, startRawServer } from '../helpers/raw-server.js';
import { sender } from '../helpers/sender.js';

const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';
const BODY = Buffer.from('{"batch":[]}');
const NAME = 'moving.offthread.test';
const never = new AbortController().signal;

/** The address that the name resolves to, and how often it was resolved. */
const name = { address: '127.0.0.1', lookups: 0 };
let old: RawServer;
let next: RawServer;
let url: string;
/** How the old server handles a request. */
let serve: (socket: Socket) => void;

beforeEach(async () => {
  Object.assign(name, { address: '127.0.0.1', lookups: 0 });
  const ask = dns.lookup as (...given: unknown[]) => void;
  vi.spyOn(dns, 'lookup').mockImplementation(((...given: unknown[]) => {
    const callback = given.at(-1);
    if (given[0] !== NAME || typeof callback !== 'function') return ask(...given);
    name.lookups++;
    setImmediate(() => callback(null, [{ address: name.address, family: 4 }]));
  }) as typeof dns.lookup);
  serve = answer;
  old = await startRawServer((socket) => void socket.on('data', () => serve(socket)));
  next = await startRawServer((socket) => void socket.on('data', () => answer(socket)), {
    host: '127.0.0.2',
    port: old.port,
  });
  url = `http://${NAME}:${old.port}`;
});
afterEach(async () => {
  vi.restoreAllMocks();
  await old[Symbol.asyncDispose]();
  await next[Symbol.asyncDispose]();
});

function answer(socket: Socket): void {
  socket.write(OK);
}

/** Connections so far to the old and the new server. */
function connections(): [number, number] {
  return [old.sockets.length, next.sockets.length];
}

const now = performance.now.bind(performance);

/** Moves this thread's clock ahead of the real one. */
function age(ms: number): void {
  vi.spyOn(performance, 'now').mockImplementation(() => now() + ms);
}

test('connections are outdated after ten minutes', () => {
  expect(MAX_CONNECTION_AGE_MS).toBe(600_000);
  expect(isOutdated(5_000, 5_000)).toBe(false);
  expect(isOutdated(5_000, 604_999)).toBe(false);
  expect(isOutdated(5_000, 605_000)).toBe(true);
});

test('an active connection is kept while it is young, even if the name has moved', async () => {
  const send = sender({ url });
  for (let ms = 0; ms < MAX_CONNECTION_AGE_MS - 60_000; ms += MAX_IDLE_MS - 1_000) {
    age(ms);
    expect(await send(BODY, 0, never)).toMatchObject({ type: 'reply', status: 200 });
    name.address = '127.0.0.2';
  }
  expect(connections()).toEqual([1, 0]);
  expect(name.lookups).toBe(1);
});

test('after ten minutes the name is resolved again, and the old connection is closed', async () => {
  const send = sender({ url });
  await send(BODY, 0, never);
  name.address = '127.0.0.2';
  age(MAX_CONNECTION_AGE_MS);
  expect(await send(BODY, 0, never)).toMatchObject({ type: 'reply', status: 200 });
  await send(BODY, 0, never);
  expect(connections()).toEqual([1, 1]);
  expect(name.lookups).toBe(2);
  await expect.poll(() => old.sockets[0]?.closed, { timeout: 20_000 }).toBe(true);
});

test('a connection is reused while it has been idle for less than five seconds', async () => {
  const send = sender({ url });
  expect(MAX_IDLE_MS).toBe(5_000);
  // Each reply restarts the idle time; otherwise half of these requests would need a new connection.
  for (let n = 1; n <= 4; n++) {
    await send(BODY, 0, never);
    age(n * (MAX_IDLE_MS - 1_000));
  }
  expect(connections()).toEqual([1, 0]);
  age(5 * MAX_IDLE_MS);
  expect(await send(BODY, 0, never)).toMatchObject({ type: 'reply', status: 200 });
  expect(connections()).toEqual([2, 0]);
  await expect.poll(() => old.sockets[0]?.closed, { timeout: 20_000 }).toBe(true);
});

test("of several connections, only those are reused that weren't idle for long", async () => {
  const [one, two] = [sender({ url }), sender({ url })];
  await Promise.all([one(BODY, 0, never), two(BODY, 0, never)]);
  for (let n = 1; n <= 3; n++) {
    age(n * (MAX_IDLE_MS - 1_000));
    await one(BODY, 0, never);
  }
  expect(connections()).toEqual([2, 0]);
  // The connection used last is reused; the other one was idle meanwhile.
  await expect.poll(() => old.sockets.map(({ closed }) => closed).sort()).toEqual([false, true]);
  await Promise.all([one(BODY, 0, never), two(BODY, 0, never)]);
  expect(connections()).toEqual([3, 0]);
});

describe('after a fault', () => {
  test.each<[string, (socket: Socket) => void, object?]>([
    ['a reset', (socket) => void socket.resetAndDestroy()],
    ['an end without an answer', (socket) => void socket.destroy()],
    ['no answer in time', () => {}, { requestTimeout: 1_000 }],
    ['something that is not HTTP', (socket) => void socket.write('\u0000\r\n\r\n')],
  ])('(%s) the next request goes to the current address of the name', async (_name, fault, settings) => {
    const send = sender({ url }, settings);
    await send(BODY, 0, never);
    name.address = '127.0.0.2';
    serve = fault;
    expect(await send(BODY, 0, never)).toMatchObject({ type: 'fault' });
    expect(await send(BODY, 1, never)).toMatchObject({ type: 'reply', status: 200 });
    expect(connections()).toEqual([1, 1]);
  });

  test('of one client, no other client uses an old connection either, and requests in flight complete', async () => {
    const [one, two, three] = [sender({ url }), sender({ url }), sender({ url })];
    const hold: Socket[] = [];
    serve = (socket) => void hold.push(socket);
    const first = [one(BODY, 0, never), two(BODY, 0, never), three(BODY, 0, never)];
    await expect.poll(() => hold.length, { timeout: 20_000 }).toBe(3);
    name.address = '127.0.0.2';
    const [broken, waiting, slow] = hold;
    // At the fault, one connection is idle and one is in use.
    waiting?.write(OK);
    await Promise.race(first);
    broken?.resetAndDestroy();
    await expect.poll(() => waiting?.closed, { timeout: 20_000 }).toBe(true);
    slow?.write(OK);
    const kinds = (await Promise.all(first)).map(({ type }) => type);
    expect(kinds.sort()).toEqual(['fault', 'reply', 'reply']);
    await expect.poll(() => slow?.closed, { timeout: 20_000 }).toBe(true);

    for (const send of [one, two, three]) {
      expect(await send(BODY, 0, never)).toMatchObject({ type: 'reply', status: 200 });
    }
    expect(connections()).toEqual([3, 1]);
  });

  test('of another host, connections stay open', async () => {
    const send = sender({ url });
    await send(BODY, 0, never);
    const other = await startRawServer((socket) => void socket.destroy());
    expect(await sender(other)(BODY, 0, never)).toMatchObject({ type: 'fault' });
    await other[Symbol.asyncDispose]();
    await send(BODY, 0, never);
    expect(connections()).toEqual([1, 0]);
  });
});
