// A Fastify server tracks an event for every request, in a process of its own and under load, and is told to end.
import { Agent } from 'node:http';
import { startTrackingApi, type TrackingApi } from '@offthread/devtools';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { loadUntilSigterm, type OrderServer, placeOrder, serve } from '../helpers/order-server.js';

// Load, server and API share what this machine has with other tests.
vi.setConfig({ testTimeout: 60_000 });

let api: TrackingApi;
let server: OrderServer | undefined;
const agent = new Agent({ keepAlive: true });

beforeEach(async () => {
  // As far away as a real one, so that events do wait when the signal comes.
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

test('a server under load that is told to end delivers the event of every request it answered', async () => {
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

test('requests that are in flight when it is told to end are answered, and hold it up no longer than that', async () => {
  const server = await start('demo/server.js', { WORK_MS: '500' });
  const placed = Array.from({ length: 5 }, () => placeOrder(server.url, agent));
  await Promise.all(placed.map(({ inFlight }) => inFlight));
  server.child.kill('SIGTERM');

  const orders = await Promise.all(placed.map(({ answer }) => answer));
  expect(orders.map(({ status }) => status)).toEqual([201, 201, 201, 201, 201]);
  // Their connections are kept by this side: a server that waits for them would be killed in the end.
  expect(await server.end).toEqual([0, null]);
  expect((await arrivedOrders()).sort()).toEqual(orders.map(({ orderId }) => orderId).sort());
});

test('with flushOnSignals and no handler of its own it delivers all it accepted and ends by the signal', async () => {
  const server = await start('fixtures/fastify-signal.mjs');
  const orders = await loadUntilSigterm(server, 1_500);
  expect(await server.end).toEqual([null, 'SIGTERM']);

  const arrived = await arrivedOrders();
  expect(arrived).toHaveLength(new Set(arrived).size);
  expect([...orders].filter((id) => !arrived.includes(id))).toEqual([]);
  expect(orders.size).toBeGreaterThanOrEqual(1_500);
});
