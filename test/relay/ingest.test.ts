// A relay accepts what the Tracking API accepts, and answers 200 when the events are stored.
import { once } from 'node:events';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { request } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { startTrackingApi, type TrackingApi } from '@offthread/devtools';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { selfSigned } from '../helpers/certificate.js';
import { batchOf, post, trackEvent } from '../helpers/raw-client.js';
import {
  RELAY_KEY,
  type RelayOptions,
  type RunningRelay,
  Scratch,
  startRelay,
  until,
} from '../helpers/relay.js';

let api: TrackingApi;
let relay: RunningRelay;
let scratch: Scratch;

beforeAll(async () => {
  api = await startTrackingApi();
});
beforeEach(async () => {
  scratch = new Scratch();
  await api.reset();
});
afterEach(async () => {
  relay?.child.kill('SIGKILL');
  await relay?.end;
  scratch.remove();
});
afterAll(() => api.close());

async function start(...args: readonly string[]): Promise<void> {
  await startWith({ args });
}

async function startWith({ args = [], ...options }: RelayOptions): Promise<void> {
  const common = ['--directory', scratch.at('events'), '--api-host', api.url];
  relay = await startRelay({ args: [...common, ...args], ...options });
}

/** Posts with the key that the relay knows. */
function send(body: unknown, options: Parameters<typeof post>[2] = {}) {
  return post(relay.url, body, { writeKey: RELAY_KEY, ...options });
}

describe('requests', () => {
  test('at every path, with every way to authenticate, are stored and delivered', async () => {
    await start();
    const event = { userId: 'u', anonymousId: 'a', event: 'E', groupId: 'g', previousId: 'p' };
    const single = ['track', 'identify', 'page', 'screen', 'group', 'alias', 't', 'i', 'p', 's', 'g', 'a'];
    for (const path of single) {
      const reply = await send({ ...event, messageId: path }, { path: `/v1/${path}` });
      expect([reply.status, reply.text], path).toEqual([200, '{"success":true}']);
    }
    for (const path of ['/v1/batch', '/v1/import', '/v1/b', '/v1/batch/']) {
      const reply = await send({ batch: [trackEvent({ messageId: path })] }, { path });
      expect(reply.status, path).toBe(200);
    }
    const inBody = { batch: [trackEvent({ messageId: 'in-body' })], writeKey: RELAY_KEY };
    expect((await send(inBody, { writeKey: null })).status).toBe(200);
    const bearer = { authorization: 'Bearer ey.token' };
    const besides = { batch: [trackEvent({ messageId: 'bearer' })], writeKey: RELAY_KEY };
    expect((await send(besides, { writeKey: null, headers: bearer })).status).toBe(200);
    expect((await send({ batch: [trackEvent({ messageId: 'gzip' })] }, { gzip: true })).status).toBe(200);
    const plain = { headers: { 'content-type': 'text/plain' } };
    expect((await send({ batch: [trackEvent({ messageId: 'plain' })] }, plain)).status).toBe(200);

    const sent = [
      ...single,
      '/v1/batch',
      '/v1/import',
      '/v1/b',
      '/v1/batch/',
      'in-body',
      'bearer',
      'gzip',
      'plain',
    ];
    await until(async () => (await api.messageIds()).length >= sent.length);
    expect((await api.messageIds()).sort()).toEqual(sent.sort());
    for (const { writeKey } of await api.requests()) expect(writeKey).toBe(RELAY_KEY);
  });

  test('with a key that is not listed get a 401, in the header before the body is read', async () => {
    await start();
    const body = batchOf(1);
    for (const options of [{ writeKey: 'OTHER' }, { writeKey: null }]) {
      const reply = await send({ ...body, ...(options.writeKey === null && { writeKey: 'OTHER' }) }, options);
      expect([reply.status, JSON.parse(reply.text).code]).toEqual([401, 'unauthorized']);
    }
    expect((await send({ ...body }, { writeKey: null })).status).toBe(401);
    // The body never comes.
    const headers = { authorization: `Basic ${btoa('OTHER:')}`, 'content-length': '100' };
    const sent = request(`${relay.url}/v1/batch`, { method: 'POST', headers });
    sent.on('error', () => {});
    sent.flushHeaders();
    const [response] = await once(sent, 'response', { signal: AbortSignal.timeout(20_000) });
    expect(response.statusCode).toBe(401);
    sent.destroy();
    expect((await api.counts()).requests).toBe(0);
  });

  test('that are too large or not JSON get a 400, as from the API', async () => {
    await start();
    const large = trackEvent({ properties: { note: 'x'.repeat(33_000) } });
    for (const [body, code] of [
      ['{', 'invalid_json'],
      ['[]', 'invalid_json'],
      [{ batch: [large] }, 'payload_too_large'],
      [' '.repeat(600_000), 'payload_too_large'],
    ] as const) {
      const reply = await send(body);
      expect([reply.status, JSON.parse(reply.text).code]).toEqual([400, code]);
    }
    // It has just the size of the limit, and there is no room for what the batch says of all events.
    const { messageId: _, ...event } = trackEvent({ timestamp: '2026-01-01T00:00:00.000Z', note: '' });
    const room = 32_768 - JSON.stringify(event).length;
    const largest = { ...event, note: 'x'.repeat(room) };
    const reply = await send({ batch: [largest], context: { app: { name: 'shop' } } });
    expect([reply.status, JSON.parse(reply.text).message]).toEqual([
      400,
      expect.stringContaining('batch[0]'),
    ]);
    // Its messageId is not worth a refusal.
    expect((await send({ batch: [largest] })).status).toBe(200);
    await until(async () => (await api.counts()).events === 1);
    expect(await api.events()).toMatchObject([largest]);
    expect((await send(batchOf(1), { path: '/v1/other' })).status).toBe(404);
  });

  test('keep the order of a user, and every digit', async () => {
    await start('--partitions', '4');
    const events = Array.from({ length: 200 }, (_, index) => {
      const user = index % 7 === 0 ? `"anonymousId":"a${index % 3}"` : `"userId":"u${index % 5}"`;
      return `{"type":"track",${user},"event":"E","messageId":"${index}","channel":"server","_metadata":{"n":9007199254740993},"timestamp":"2026-01-01T00:00:00.000Z"}`;
    });
    for (let at = 0; at < 200; at += 20)
      expect((await send(`{"batch":[${events.slice(at, at + 20).join(',')}]}`)).status).toBe(200);
    await until(async () => (await api.counts()).events >= 200);
    const arrived = await api.events();
    expect(arrived).toHaveLength(200);
    const byUser = new Map<unknown, number[]>();
    for (const { userId, anonymousId, messageId } of arrived) {
      const user = userId ?? anonymousId;
      byUser.set(user, [...(byUser.get(user) ?? []), Number(messageId)]);
    }
    expect(byUser.size).toBe(8);
    for (const numbers of byUser.values()) expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
    const bodies = await Promise.all((await api.requests()).map(({ sequence }) => api.body(sequence)));
    for (const event of events) expect(bodies.some((body) => body?.includes(event))).toBe(true);
  });
});

describe('pages', () => {
  const origin = 'https://shop.test';

  test('of the listed origins may send, and their events get the address of the browser', async () => {
    await start('--cors-origin', origin, '--trust-proxy', '1');
    const preflight = (from: string) =>
      fetch(`${relay.url}/v1/t`, {
        method: 'OPTIONS',
        headers: { origin: from, 'access-control-request-method': 'POST' },
      });
    expect((await preflight(origin)).headers.get('access-control-allow-origin')).toBe(origin);
    expect((await preflight('https://evil.test')).headers.get('access-control-allow-origin')).toBeNull();
    const headers = { origin, 'x-forwarded-for': '198.51.100.9, 203.0.113.7', 'content-type': 'text/plain' };
    const reply = await send(
      { ...trackEvent(), writeKey: RELAY_KEY },
      { path: '/v1/t', writeKey: null, headers },
    );
    expect([reply.status, reply.headers['access-control-allow-origin']]).toEqual([200, origin]);
    await send(batchOf(1));
    await until(async () => (await api.counts()).events >= 2);
    const ips = (await api.events()).map(({ context }) => context?.['ip']);
    expect(ips.sort()).toEqual(['203.0.113.7', undefined]);
    const refused = await send(batchOf(1), { writeKey: 'OTHER', headers: { origin } });
    expect([refused.status, refused.headers['access-control-allow-origin']]).toEqual([401, origin]);
  });

  test('are told to send here, if their write key is listed', async () => {
    await start('--cors-origin', origin);
    const ask = (key: string) => fetch(`${relay.url}/v1/projects/${key}/settings`, { headers: { origin } });
    const { integrations } = (await (await ask(RELAY_KEY)).json()) as {
      integrations: Record<string, object>;
    };
    expect(integrations['Segment.io']).toMatchObject({ apiHost: `${new URL(relay.url).host}/v1` });
    expect((await ask('OTHER')).status).toBe(404);
  });
});

test('with a certificate it serves https', async () => {
  const { cert, key } = selfSigned();
  await start('--tls-cert', scratch.write('cert.pem', cert), '--tls-key', scratch.write('key.pem', key));
  expect(relay.url).toMatch(/^https:/);
  expect((await send(batchOf(3), { ca: cert })).status).toBe(200);
  await until(async () => (await api.counts()).events >= 3);
});

test('a full relay answers 503 with Retry-After, and takes events again when it has delivered some', async () => {
  await api.behave({ type: 'answer', status: 503 });
  await start('--max-bytes', '16777216');
  const event = trackEvent({ properties: { note: 'x'.repeat(30_000) } });
  const body = { batch: Array.from({ length: 16 }, (_, index) => ({ ...event, messageId: `m${index}` })) };
  let stored = 0;
  let reply = await send(body);
  for (; reply.status === 200; reply = await send(body)) stored += 16;
  expect(stored).toBeGreaterThan(500);
  expect(stored).toBeLessThan(560);
  expect([reply.status, reply.headers['retry-after']]).toEqual([503, '30']);
  expect(JSON.parse(reply.text)).toMatchObject({ success: false, code: 'unavailable' });
  await api.reset();
  await until(async () => (await send(body)).status === 200, 60_000);
});

test('more uploads than it has memory for get a 503 before their body is read, unless they are small', async () => {
  await start();
  const { hostname, port } = new URL(relay.url);
  const open = (size: string) => {
    const socket = connect(Number(port), hostname);
    socket.on('error', () => {});
    const key = `authorization: Basic ${btoa(`${RELAY_KEY}:`)}`;
    socket.write(`POST /v1/batch HTTP/1.1\r\nhost: x\r\n${key}\r\n${size}\r\n\r\n`);
    return socket;
  };
  // All but 400 KB of 64 MiB: 500 KiB for each of unknown size, and 16 KiB beside for each.
  const unknown = Array.from({ length: 126 }, () => open('transfer-encoding: chunked'));
  const sockets = [...unknown, open('content-length: 100000')];
  try {
    // Its size is only known when it is unpacked.
    const large = () => send(batchOf(1), { gzip: true });
    await until(async () => (await large()).status === 503);
    expect((await large()).headers['retry-after']).toBe('1');
    expect((await send(batchOf(1))).status).toBe(200);
    expect((await fetch(`${relay.url}/healthz`)).status).toBe(200);
  } finally {
    for (const socket of sockets) socket.destroy();
  }
  await until(async () => (await send(batchOf(1))).status === 200);
});

test('the write key is neither in the log nor in what is stored', async () => {
  await api.behave({ type: 'answer', status: 503 });
  await start();
  await send({ ...batchOf(5), writeKey: RELAY_KEY });
  await send({ ...trackEvent(), writeKey: RELAY_KEY }, { path: '/v1/t', writeKey: null });
  await send({ batch: [trackEvent({ writeKey: RELAY_KEY })] });
  await fetch(`${relay.url}/v1/projects/${RELAY_KEY}/settings`);
  await relay.stop(); // Rejects if the key is in the log.
  let bytes = 0;
  for (const name of readdirSync(scratch.path, { recursive: true, encoding: 'utf8' })) {
    const path = join(scratch.path, name);
    if (!statSync(path, { throwIfNoEntry: false })?.isFile()) continue;
    const content = readFileSync(path, 'latin1');
    bytes += content.length;
    expect(content.includes(RELAY_KEY), name).toBe(false);
  }
  expect(bytes).toBeGreaterThan(500);
});
