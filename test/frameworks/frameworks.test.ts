// The entries for Express, Koa, Hono and NestJS, each with a server of the real framework in a child process: what they
// add to an event, and how the server ends.
import { rmSync } from 'node:fs';
import { Agent } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ReceivedEvent, startTrackingApi, type TrackingApi } from '@offthread/devtools';
import { version } from '@offthread/sdk';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { nestJs11 } from '../helpers/nestjs-11.js';
import { type OrderServer, placeOrder, serve } from '../helpers/order-server.js';

// Two processes and their worker threads start for each server.
vi.setConfig({ testTimeout: 60_000 });

let api: TrackingApi;
let server: OrderServer | undefined;
const agent = new Agent({ keepAlive: true });
const eleven = nestJs11();

beforeAll(async () => {
  api = await startTrackingApi();
});

beforeEach(() => api.reset());

afterEach(() => {
  server?.child.kill('SIGKILL');
  server = undefined;
});

afterAll(async () => {
  agent.destroy();
  rmSync(eleven.folder, { recursive: true });
  await api.close();
});

interface Wanted {
  withContext?: boolean;
  trustProxy?: boolean;
  decorateAs?: string;
}

/** What the server answers. */
interface Reply {
  readonly result?: string;
  readonly code?: string;
  readonly message?: string;
}

describe.each([
  ['Express 5', 'express.mjs', 'express'],
  ['Express 4', 'express.mjs', 'express-4'],
  ['Koa 3', 'koa.mjs', 'koa'],
  ['Koa 2', 'koa.mjs', 'koa-2'],
  ['Hono', 'hono.mjs', 'hono'],
  ['NestJS 12 on Express', 'nestjs.mjs', 'Express'],
  ['NestJS 12 on Fastify', 'nestjs.mjs', 'Fastify'],
  ['NestJS 11 on Express', eleven.server, 'Express'],
  ['NestJS 11 on Fastify', eleven.server, 'Fastify'],
])('%s', (name, file, framework) => {
  function launch(wanted: Wanted, env: Record<string, string> = {}): Promise<OrderServer> {
    return serve(new URL(file, new URL('../fixtures/frameworks/', import.meta.url)), {
      ANALYTICS_HOST: api.url,
      FRAMEWORK: framework,
      SETTINGS: JSON.stringify(wanted),
      ...env,
    });
  }

  /** Servers that are used by several tests, by their settings. */
  const shared = new Map<string, Promise<OrderServer>>();
  afterAll(async () => {
    for (const { child } of await Promise.all(shared.values())) child.kill('SIGKILL');
  });

  function start(wanted: Wanted = {}): Promise<OrderServer> {
    const settings = JSON.stringify(wanted);
    const started = shared.get(settings) ?? launch(wanted);
    shared.set(settings, started);
    return started;
  }

  async function get(
    { url }: OrderServer,
    path: string,
    headers: Record<string, string> = {},
  ): Promise<Reply> {
    const response = await fetch(url + path, { headers, signal: AbortSignal.timeout(20_000) });
    return (await response.json()) as Reply;
  }

  /** Waits until this many events have arrived. */
  async function arrived(count: number): Promise<ReceivedEvent[]> {
    for (let tries = 0; tries < 400; tries++) {
      const events = await api.events();
      if (events.length >= count) return events;
      await sleep(25);
    }
    throw new Error(`${count} events have not arrived`);
  }

  /** Headers of a browser that is logged in. */
  const browser = {
    'x-user-id': 'user-1',
    'user-agent': 'Browser/1.0',
    'accept-language': 'de-CH,de;q=0.9,en;q=0.8',
    referer: 'https://search.example/?q=shoes',
    'x-request-id': 'request-1',
  };

  test('an event has ids and context of its request', async () => {
    const running = await start();
    expect(await get(running, '/shop/seen?size=42', browser)).toEqual({ result: 'true' });
    const [event] = await arrived(1);
    expect(event).toMatchObject({ type: 'track', userId: 'user-1', event: 'Seen' });
    expect(event?.context).toEqual({
      library: { name: '@offthread/sdk', version },
      ip: expect.stringMatching(/^(::ffff:)?127\.0\.0\.1$/),
      userAgent: 'Browser/1.0',
      locale: 'de-CH',
      page: {
        url: `${running.url}/shop/seen?size=42`,
        path: '/shop/seen',
        search: '?size=42',
        referrer: 'https://search.example/?q=shoes',
      },
      // Fastify gives each request an id of its own.
      requestId: name.endsWith('on Fastify') ? expect.any(String) : 'request-1',
    });
  });

  test('an event of an unknown user throws in the handler, and the framework answers', async () => {
    const running = await start();
    expect(await get(running, '/shop/seen')).toEqual({
      code: 'invalid_event',
      message: expect.stringContaining('track() needs a userId or an anonymousId'),
    });
  });

  test('behind a trusted proxy, the context is that of the client', async () => {
    const running = await start({ trustProxy: true });
    await get(running, '/shop/seen', {
      ...browser,
      'x-forwarded-for': '203.0.113.7',
      'x-forwarded-host': 'shop.example',
      'x-forwarded-proto': 'https',
    });
    const [event] = await arrived(1);
    const context = { ip: '203.0.113.7', page: { url: 'https://shop.example/shop/seen' } };
    // Nest's Fastify adapter passes the address on to middleware, but not the forwarded host.
    if (name.endsWith('on Fastify')) expect(event?.context).toMatchObject({ ip: '203.0.113.7' });
    else expect(event?.context).toMatchObject(context);
  });

  test('without a trusted proxy, forwarded headers change nothing', async () => {
    const running = await start();
    await get(running, '/shop/seen', {
      ...browser,
      'x-forwarded-for': '203.0.113.7',
      'x-forwarded-host': 'shop.example',
    });
    const [event] = await arrived(1);
    expect(event?.context).toMatchObject({
      ip: expect.stringContaining('127.0.0.1'),
      page: { url: `${running.url}/shop/seen` },
    });
  });

  test('an event of the client inherits nothing, unless withContext is set', async () => {
    const running = await start();
    expect(await get(running, '/deep', browser)).toEqual({ result: 'invalid_event' });
  });

  test('with withContext, an event of the client inherits ids and context of the request', async () => {
    const running = await start({ withContext: true });
    expect(await get(running, '/deep', browser)).toEqual({ result: 'true' });
    const [event] = await arrived(1);
    expect(event).toMatchObject({ userId: 'user-1', event: 'Deep', context: { page: { path: '/deep' } } });
  });

  if (name.startsWith('Express')) {
    test('with withContext, a body parser keeps the scope', async () => {
      const running = await start({ withContext: true });
      const response = await fetch(`${running.url}/deep`, {
        method: 'POST',
        headers: { ...browser, 'content-type': 'application/json' },
        body: JSON.stringify({ text: 'x'.repeat(90_000) }),
        signal: AbortSignal.timeout(20_000),
      });
      expect(await response.json()).toEqual({ result: 'true' });
      expect(await arrived(1)).toMatchObject([{ userId: 'user-1', event: 'Deep' }]);
    });

    test('a middleware that loses the async context ends the scope, unless it comes first', async () => {
      const running = await start({ withContext: true });
      expect(await get(running, '/before-pool', browser)).toEqual({ result: 'invalid_event' });
      expect(await get(running, '/after-pool', browser)).toEqual({ result: 'true' });
      expect(await arrived(1)).toMatchObject([
        { userId: 'user-1', context: { page: { path: '/after-pool' } } },
      ]);
    });
  }

  // NestJS has one client, which it provides by its class.
  if (!name.startsWith('NestJS')) {
    test('a second client has a name of its own', async () => {
      const running = await start({ decorateAs: 'marketing' });
      expect(await get(running, '/shop/seen', browser)).toEqual({ result: 'true' });
      expect(await arrived(1)).toMatchObject([{ userId: 'user-1', event: 'Seen' }]);
    });
  }

  test('on SIGTERM it answers requests in flight, delivers their events, and ends', async () => {
    const running = await launch({}, { WORK_MS: '100' });
    server = running;
    const placed = Array.from({ length: 5 }, () => placeOrder(running.url, agent, { 'x-user-id': 'user-1' }));
    await Promise.all(placed.map(({ inFlight }) => inFlight));
    running.child.kill('SIGTERM');
    const orders = await Promise.all(placed.map(({ answer }) => answer()));
    expect(orders.map(({ status }) => status)).toEqual([201, 201, 201, 201, 201]);
    // Nest raises the signal again, after its hooks.
    expect(await running.end).toEqual(name.startsWith('NestJS') ? [null, 'SIGTERM'] : [0, null]);
    const delivered = (await api.events()).map(({ properties }) => properties?.['orderId']);
    expect(delivered.sort()).toEqual(orders.map(({ orderId }) => orderId).sort());
  });
});
