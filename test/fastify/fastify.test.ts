// A Fastify server in a child process tracks an event for every request, under load, and gets SIGTERM.
import { Agent } from 'node:http';
import { startTrackingApi, type TrackingApi } from '@offthread/devtools';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { loadUntilSigterm, type OrderServer, placeOrder, serve } from '../helpers/order-server.js';

// Load generator, server and API share this machine with other tests.
vi.setConfig({ testTimeout: 60_000 });

let api: TrackingApi;
let server: OrderServer | undefined;
const agent = new Agent({ keepAlive: true });

beforeEach(async () => {
  // With the latency of a real API, so that events are waiting when the signal arrives.
  api = await startTrackingApi({ latencyMs: 50 });
});

afterEach(async () => {
  server?.child.kill('SIGKILL');
  agent.destroy();
  await api.close();
});

async function start(file: string, env: Record<string, string> = {}): Promise<OrderServer> {
  server = await serve(new URL(`../${file}`, import.meta.url), { ANALYTICS_HOST: api.url, ...env });
  return server;
}

async function arrivedOrders(): Promise<unknown[]> {
  return (await api.events()).map(({ properties }) => properties?.['orderId']);
}

test('a server under load that gets SIGTERM delivers the event of every request it answered', async () => {
  const server = await start('demo/server.js');
  const orders = await loadUntilSigterm(server, 1_500);
  expect(await server.end).toEqual([0, null]);

  const arrived = await arrivedOrders();
  expect(arrived).toHaveLength(new Set(arrived).size);
  expect([...orders].filter((id) => !arrived.includes(id))).toEqual([]);
  expect(orders.size).toBeGreaterThanOrEqual(1_500);
  const { stats } = server.report;
  expect(stats).toMatchObject({ accepted: arrived.length, delivered: arrived.length, pending: 0 });
});

test('requests in flight at SIGTERM are answered, and the server then ends without delay', async () => {
  const server = await start('demo/server.js', { WORK_MS: '100' });
  const placed = Array.from({ length: 5 }, () => placeOrder(server.url, agent));
  await Promise.all(placed.map(({ inFlight }) => inFlight));
  server.child.kill('SIGTERM');

  const orders = await Promise.all(placed.map(({ answer }) => answer()));
  expect(orders.map(({ status }) => status)).toEqual([201, 201, 201, 201, 201]);
  // The client keeps these connections open: a server that waited for them would be killed in the end.
  expect(await server.end).toEqual([0, null]);
  expect((await arrivedOrders()).sort()).toEqual(orders.map(({ orderId }) => orderId).sort());
});

test('with flushOnSignals and no handler of its own, it delivers all accepted events and ends by the signal', async () => {
  const server = await start('fixtures/fastify-signal.mjs');
  const orders = await loadUntilSigterm(server, 1_500);
  expect(await server.end).toEqual([null, 'SIGTERM']);

  const arrived = await arrivedOrders();
  expect(arrived).toHaveLength(new Set(arrived).size);
  expect([...orders].filter((id) => !arrived.includes(id))).toEqual([]);
  expect(orders.size).toBeGreaterThanOrEqual(1_500);
});
