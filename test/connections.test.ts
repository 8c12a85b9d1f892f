// Connections are used again, but none for ever: after ten minutes and after a fault the host's address is asked for
// anew. Two servers, and a name that moves from one to the other.
import dns from 'node:dns';
import type { Socket } from 'node:net';
import { isOutdated, MAX_CONNECTION_AGE_MS } from '@offthread/worker/agent';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type RawServer, startRawServer } from './helpers/raw-server.js';
import { sender } from './helpers/sender.js';

const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';
const BODY = Buffer.from('{"batch":[]}');
const NAME = 'moving.offthread.test';
const never = new AbortController().signal;

/** Where the name leads, and how often that was asked. */
const name = { address: '127.0.0.1', asked: 0 };
let old: RawServer;
let next: RawServer;
let url: string;
/** What the old server does with a request. */
let serve: (socket: Socket) => void;

beforeEach(async () => {
  Object.assign(name, { address: '127.0.0.1', asked: 0 });
  const ask = dns.lookup as (...given: unknown[]) => void;
  vi.spyOn(dns, 'lookup').mockImplementation(((...given: unknown[]) => {
    const callback = given.at(-1);
    if (given[0] !== NAME || typeof callback !== 'function') return ask(...given);
    name.asked++;
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

/** Connections so far to the old server and to the next one. */
function connections(): [number, number] {
  return [old.sockets.length, next.sockets.length];
}

/** Moves this thread's clock, from now on. */
function age(ms: number): void {
  const start = performance.now.bind(performance);
  vi.spyOn(performance, 'now').mockImplementation(() => start() + ms);
}

test('the rule: ten minutes', () => {
  expect(MAX_CONNECTION_AGE_MS).toBe(600_000);
  expect(isOutdated(5_000, 5_000)).toBe(false);
  expect(isOutdated(5_000, 604_999)).toBe(false);
  expect(isOutdated(5_000, 605_000)).toBe(true);
});

test('a connection is kept while it is young, though the name has moved', async () => {
  const send = sender({ url });
  for (let n = 0; n < 5; n++) {
    expect(await send(BODY, 0, never)).toMatchObject({ type: 'reply', status: 200 });
    name.address = '127.0.0.2';
  }
  age(MAX_CONNECTION_AGE_MS - 60_000);
  await send(BODY, 0, never);
  expect(connections()).toEqual([1, 0]);
  expect(name.asked).toBe(1);
});

test('after ten minutes the name is asked for again, and the old connection ends', async () => {
  const send = sender({ url });
  await send(BODY, 0, never);
  name.address = '127.0.0.2';
  age(MAX_CONNECTION_AGE_MS);
  expect(await send(BODY, 0, never)).toMatchObject({ type: 'reply', status: 200 });
  await send(BODY, 0, never);
  expect(connections()).toEqual([1, 1]);
  expect(name.asked).toBe(2);
  await expect.poll(() => old.sockets[0]?.closed, { timeout: 5_000 }).toBe(true);
});

describe('after a fault', () => {
  test.each<[string, (socket: Socket) => void]>([
    ['a reset', (socket) => void socket.resetAndDestroy()],
    ['an end without an answer', (socket) => void socket.destroy()],
    ['no answer in time', () => {}],
    ['something that is not HTTP', (socket) => void socket.write('\u0000\r\n\r\n')],
  ])('of %s the next request goes where the name leads now', async (_name, fault) => {
    const send = sender({ url }, { requestTimeout: 300 });
    await send(BODY, 0, never);
    name.address = '127.0.0.2';
    serve = fault;
    expect(await send(BODY, 0, never)).toMatchObject({ type: 'fault' });
    expect(await send(BODY, 1, never)).toMatchObject({ type: 'reply', status: 200 });
    expect(connections()).toEqual([1, 1]);
  });

  test('of one client no other uses an old connection either, and what is on its way arrives', async () => {
    const [one, two, three] = [sender({ url }), sender({ url }), sender({ url })];
    const hold: Socket[] = [];
    serve = (socket) => void hold.push(socket);
    const first = [one(BODY, 0, never), two(BODY, 0, never), three(BODY, 0, never)];
    await expect.poll(() => hold.length, { timeout: 5_000 }).toBe(3);
    name.address = '127.0.0.2';
    const [broken, waiting, slow] = hold;
    // One is idle at the fault, and one still in use.
    waiting?.write(OK);
    await Promise.race(first);
    broken?.resetAndDestroy();
    await expect.poll(() => waiting?.closed, { timeout: 5_000 }).toBe(true);
    slow?.write(OK);
    const kinds = (await Promise.all(first)).map(({ type }) => type);
    expect(kinds.sort()).toEqual(['fault', 'reply', 'reply']);
    await expect.poll(() => slow?.closed, { timeout: 5_000 }).toBe(true);

    for (const send of [one, two, three]) {
      expect(await send(BODY, 0, never)).toMatchObject({ type: 'reply', status: 200 });
    }
    expect(connections()).toEqual([3, 1]);
  });

  test('of another host nothing ends', async () => {
    const send = sender({ url });
    await send(BODY, 0, never);
    const other = await startRawServer((socket) => void socket.destroy());
    expect(await sender(other)(BODY, 0, never)).toMatchObject({ type: 'fault' });
    await other[Symbol.asyncDispose]();
    await send(BODY, 0, never);
    expect(connections()).toEqual([1, 0]);
  });
});
