// The stream of the live page, with viewers that read and viewers that do not.
import { get } from 'node:http';
import { connect, type Socket } from 'node:net';
import { startTrackingApi, type TrackingApi } from '@offthread/devtools';
import { afterEach, expect, test, vi } from 'vitest';
import { post, trackEvent } from '../helpers/raw-client.js';

vi.setConfig({ testTimeout: 120_000 });

const sockets: Socket[] = [];
const patient = { timeoutMs: 60_000 };

afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
});

/** 25 events of 19 KB: about half a megabyte. */
function bigBatch() {
  const filler = 'x'.repeat(19_000);
  return { batch: Array.from({ length: 25 }, () => trackEvent({ properties: { filler } })) };
}

/** A viewer that asks for the stream and never reads it. */
async function stall(api: TrackingApi): Promise<void> {
  const socket = connect({ port: api.port, host: '127.0.0.1' });
  sockets.push(socket);
  socket.once('error', () => {});
  await new Promise<void>((resolve) => socket.once('connect', resolve));
  socket.pause();
  socket.write('GET /_offthread/stream HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n');
}

/** Memory of this process in MB, without the buffers of the kernel. The server is a thread of it. */
function memory(): number {
  return process.memoryUsage.rss() / 1_048_576;
}

/** A viewer that reads, and counts the requests it is given. */
function watch(api: TrackingApi): { requests: () => number; close: () => void } {
  let seen = 0;
  let rest = '';
  const stream = get(`${api.url}/_offthread/stream`, (response) => {
    response.setEncoding('utf8').on('data', (piece: string) => {
      const messages = (rest + piece).split('\n\n');
      rest = messages.pop() ?? '';
      seen += messages.filter((message) => message.startsWith('data: {"type":"request"')).length;
    });
    response.once('error', () => {});
  });
  stream.once('error', () => {});
  return { requests: () => seen, close: () => stream.destroy() };
}

test('viewers that do not read are dropped before they cost memory', async () => {
  await using api = await startTrackingApi({ in: 'thread', page: true });
  for (let n = 0; n < 20; n += 1) expect((await post(api.url, bigBatch(), patient)).status).toBe(200);
  const reader = watch(api);
  await expect.poll(reader.requests, { timeout: 20_000 }).toBe(20);
  const before = memory();
  await Promise.all(Array.from({ length: 150 }, () => stall(api)));
  let peak = 0;
  for (let n = 0; n < 20; n += 1) {
    await post(api.url, bigBatch(), patient);
    peak = Math.max(peak, memory());
  }
  await expect.poll(reader.requests, { timeout: 20_000 }).toBe(40);
  // 3 GB if all that waits were kept. The rest is garbage that has not been collected yet.
  expect(peak - before).toBeLessThan(300);
  // Nothing has to arrive for them to be noticed.
  await expect
    .poll(async () => (await api.counts()).connections, { timeout: 40_000, interval: 500 })
    .toBeLessThan(10);
  expect(memory() - before).toBeLessThan(300);
  // A viewer that reads is not taken for one that does not, and one that comes back is given everything.
  await post(api.url, bigBatch(), patient);
  await expect.poll(reader.requests, { timeout: 20_000 }).toBe(41);
  const other = watch(api);
  await expect.poll(other.requests, { timeout: 20_000 }).toBe(41);
  reader.close();
  other.close();
});

test('a viewer that was slow for a moment misses no request, reply or reset', async () => {
  await using api = await startTrackingApi({ page: true });
  const messages: { type: string; request?: { sequence: number }; end?: { sequence: number } }[] = [];
  let rest = '';
  const stream = get(`${api.url}/_offthread/stream`, (response) => {
    response.setEncoding('utf8').on('data', (piece: string) => {
      const texts = (rest + piece).split('\n\n');
      rest = texts.pop() ?? '';
      for (const text of texts) messages.push(JSON.parse(text.slice('data: '.length)));
    });
    response.pause();
    setTimeout(() => response.resume(), 3_000);
    response.once('error', () => {});
  });
  stream.once('error', () => {});
  for (let n = 0; n < 20; n += 1) await post(api.url, bigBatch(), patient);
  const sequences = (type: 'request' | 'ended') =>
    messages.filter((each) => each.type === type).map((each) => (each.request ?? each.end)?.sequence);
  const all = Array.from({ length: 20 }, (_, n) => n + 1);
  await expect.poll(() => sequences('request'), { timeout: 20_000 }).toEqual(all);
  // An end is told for each request that was told as open.
  const open = messages.flatMap(({ type, request }) =>
    type === 'request' && (request as { state?: string }).state === 'open' ? [request?.sequence] : [],
  );
  await expect
    .poll(() => sequences('ended').sort((one, other) => Number(one) - Number(other)), { timeout: 10_000 })
    .toEqual(open);
  const told = messages.length;
  await api.reset();
  await post(api.url, bigBatch(), patient);
  await expect
    .poll(() => messages.slice(told).map(({ type }) => type), { timeout: 10_000 })
    .toEqual(expect.arrayContaining(['reset', 'request']));
  stream.destroy();
});

test('connections beyond the limit are refused while all pages read', async () => {
  await using api = await startTrackingApi({ page: true });
  const viewers = Array.from({ length: 32 }, () => watch(api));
  await expect.poll(async () => (await api.counts()).connections, { timeout: 20_000 }).toBe(32);
  expect((await fetch(`${api.url}/_offthread/stream`)).status).toBe(503);
  viewers[0]?.close();
  await expect.poll(async () => (await api.counts()).connections, { timeout: 20_000 }).toBeLessThan(33);
  const other = watch(api);
  await post(api.url, bigBatch(), patient);
  await expect.poll(other.requests, { timeout: 20_000 }).toBe(1);
  other.close();
  for (const viewer of viewers) viewer.close();
});
