// The Fastify plugin of @offthread/tracking-api, which makes any server accept events.
import { once } from 'node:events';
import { request } from 'node:http';
import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import { eventTexts, MAX_REQUEST_BYTES, unavailable } from '@offthread/tracking-api';
import {
  type AcceptedReceipt,
  type TrackingApiPluginOptions,
  trackingApi,
} from '@offthread/tracking-api/fastify';
import { type FastifyInstance, fastify } from 'fastify';
import { afterEach, expect, test } from 'vitest';
import { batchOf, post, trackEvent } from '../helpers/raw-client.js';

let app: FastifyInstance | undefined;
let url: string;
const receipts: AcceptedReceipt[] = [];

afterEach(async () => {
  receipts.length = 0;
  await app?.close();
});

/** Starts a server with the plugin, which records what it receives. */
async function serve(options: Partial<TrackingApiPluginOptions> = {}, prefix = ''): Promise<void> {
  app = fastify({ forceCloseConnections: true });
  app.get('/healthz', () => 'well');
  await app.register(trackingApi, {
    prefix,
    accept: (receipt) => {
      receipts.push(receipt);
    },
    ...options,
  });
  url = await app.listen({ port: 0, host: '127.0.0.1' });
}

test('events are passed to a function with the write key and their texts', async () => {
  await serve();
  const body = batchOf(2);
  const reply = await post(url, body, { gzip: true });
  expect([reply.status, reply.text]).toEqual([200, '{"success":true}']);
  expect(receipts).toMatchObject([{ writeKey: 'KEY', events: body.batch, sentAt: body.sentAt, faults: [] }]);
  const [receipt] = receipts;
  const texts = receipt && eventTexts(receipt.body, receipt.route);
  expect(texts).toEqual(body.batch.map((event) => JSON.stringify(event)));
});

test('the reply waits for that function, and is the refusal that it returns', async () => {
  await serve({ accept: async () => unavailable('the queue is full', 7) });
  const reply = await post(url, batchOf(1));
  expect(reply.status).toBe(503);
  expect(reply.headers['retry-after']).toBe('7');
  expect(JSON.parse(reply.text)).toEqual({
    success: false,
    code: 'unavailable',
    message: 'the queue is full',
    error: 'the queue is full',
  });
});

test('if the function throws, the client keeps its events', async () => {
  await serve({ accept: () => Promise.reject(new Error('no')) });
  expect((await post(url, batchOf(1))).status).toBe(500);
});

test('refused requests never reach the function', async () => {
  await serve({ writeKeys: (writeKey) => writeKey === 'GOOD', strict: true });
  expect((await post(url, batchOf(1), { writeKey: 'BAD' })).status).toBe(401);
  expect((await post(url, '{', { writeKey: 'GOOD' })).status).toBe(400);
  expect((await post(url, { batch: [{}] }, { writeKey: 'GOOD' })).status).toBe(400);
  expect((await post(url, batchOf(1), { writeKey: 'GOOD', path: '/v1/other' })).status).toBe(404);
  expect(receipts).toEqual([]);
  expect((await post(url, { ...batchOf(1), writeKey: 'GOOD' }, { writeKey: null })).status).toBe(200);
});

test('a prefix, other routes and other batch paths can be configured', async () => {
  await serve({ batchPaths: ['/events', '/v1/batch'] }, '/segment');
  for (const path of ['/segment/v1/batch', '/segment/events', '/segment/events/', '/segment/v1/batch/?a=b']) {
    expect((await post(url, batchOf(1), { path })).status, path).toBe(200);
  }
  expect((await post(url, batchOf(1), { path: '/v1/batch' })).status).toBe(404);
  expect(await (await fetch(`${url}/healthz`)).text()).toBe('well');
});

test('pages of other origins may send if their origin is listed', async () => {
  await serve({ origins: ['https://shop.test'] });
  const ask = (origin: string) =>
    fetch(`${url}/v1/batch`, {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': 'POST' },
    });
  expect((await ask('https://shop.test')).headers.get('access-control-allow-origin')).toBe(
    'https://shop.test',
  );
  for (const origin of ['https://evil.test', 'null', 'https://shop.test.evil.test', 'http://shop.test']) {
    expect((await ask(origin)).headers.get('access-control-allow-origin')).toBeNull();
  }
});

test('analytics.js gets settings that make it send here if its write key is accepted', async () => {
  await serve({ origins: '*', writeKeys: ['GOOD'] }, '/segment');
  const ask = (key: string) =>
    fetch(`${url}/segment/v1/projects/${key}/settings`, { headers: { origin: 'https://shop.test' } });
  const reply = await ask('GOOD');
  expect(reply.headers.get('access-control-allow-origin')).toBe('https://shop.test');
  const { integrations } = (await reply.json()) as { integrations: Record<string, object> };
  const { host } = new URL(url);
  expect(integrations['Segment.io']).toMatchObject({ apiKey: 'GOOD', apiHost: `${host}/segment/v1` });
  expect((await ask('BAD')).status).toBe(404);
});

test('a body up to the limit is accepted and one byte more is refused, compressed or not', async () => {
  await serve();
  const text = JSON.stringify({ batch: [trackEvent()], padding: '' });
  const ofBytes = (bytes: number) => text.replace('""}', `"${'x'.repeat(bytes - text.length)}"}`);
  for (const gzip of [false, true]) {
    expect((await post(url, ofBytes(MAX_REQUEST_BYTES), { gzip })).status).toBe(200);
    const reply = await post(url, ofBytes(MAX_REQUEST_BYTES + 1), { gzip });
    expect([reply.status, JSON.parse(reply.text).code]).toEqual([400, 'payload_too_large']);
  }
});

test('a body that decompresses to gigabytes is refused while it is decompressed', async () => {
  await serve();
  // A gzip member of 16 MB of spaces, many times: 2 GB in 2 MB.
  const member = gzipSync(Buffer.alloc(16 * 1024 * 1024, ' '), { level: 9 });
  const bomb = Buffer.concat(Array.from({ length: Math.floor(400_000 / member.length) }, () => member));
  const before = process.memoryUsage().rss;
  const replies = await Promise.all(
    Array.from({ length: 10 }, () => post(url, bomb, { headers: { 'content-encoding': 'gzip' } })),
  );
  for (const { status, text } of replies) {
    expect([status, JSON.parse(text).code]).toEqual([400, 'payload_too_large']);
  }
  expect(process.memoryUsage().rss - before).toBeLessThan(150 * 1024 * 1024);
});

test('an endless upload is cut off', async () => {
  await serve();
  const sent = request(`${url}/v1/batch`, { method: 'POST', headers: { authorization: 'Basic S0VZOg==' } });
  const closed = new Promise((resolve) => sent.once('close', resolve));
  sent.on('error', () => {}); // The connection is closed during the upload.
  sent.on('response', (response) => response.resume());
  const piece = Buffer.alloc(1024 * 1024, ' ');
  let bytes = 0;
  const push = (): void => {
    while (!sent.destroyed && bytes < 256 * 1024 * 1024) {
      bytes += piece.length;
      if (!sent.write(piece)) {
        sent.once('drain', push);
        return;
      }
    }
  };
  push();
  await closed;
  expect(bytes).toBeLessThan(64 * 1024 * 1024);
  expect((await post(url, batchOf(1))).status).toBe(200);
});

test('a body is refused if the client disconnects in the middle of it', async () => {
  await serve();
  const { port } = new URL(url);
  const socket = connect(Number(port), '127.0.0.1');
  // Valid JSON, as far as it was sent.
  socket.write(
    'POST /v1/batch HTTP/1.1\r\nhost: x\r\nauthorization: Basic S0VZOg==\r\ncontent-length: 100\r\n\r\n{"batch":[]}   ',
  );
  await once(socket, 'connect');
  socket.end();
  socket.resume();
  await once(socket, 'close', { signal: AbortSignal.timeout(20_000) });
  expect((await post(url, batchOf(1))).status).toBe(200);
  expect(receipts.length).toBe(1);
});
