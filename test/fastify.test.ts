// A Fastify server tracks an event for every request, in a process of its own and under load, and is told to end.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { Agent, type IncomingMessage, request } from 'node:http';
import { startTrackingApi, type TrackingApi } from '@offthread/devtools';
import autocannon from 'autocannon';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

interface Server {
  url: string;
  child: ChildProcess;
  /** Exit code and signal. */
  end: Promise<[number | null, NodeJS.Signals | null]>;
  /** What it says before it ends, where it says anything. */
  report: { stats?: { accepted: number; delivered: number; pending: number } };
}

interface Answer {
  status: number | undefined;
  orderId: string;
}

// Load, server and API share what this machine has with other tests.
vi.setConfig({ testTimeout: 60_000 });

let api: TrackingApi;
const agent = new Agent({ keepAlive: true });
const children: ChildProcess[] = [];

beforeEach(async () => {
  // As far away as a real one, so that events do wait when the signal comes.
  api = await startTrackingApi({ latencyMs: 50 });
});

afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  agent.destroy();
  await api.close();
});

async function serve(file: string, env: Record<string, string> = {}): Promise<Server> {
  const child = fork(new URL(file, import.meta.url), {
    env: { ...process.env, ANALYTICS_HOST: api.url, ...env },
    execArgv: [],
  });
  children.push(child);
  const end = once(child, 'exit', { signal: AbortSignal.timeout(50_000) }) as Server['end'];
  const report: Server['report'] = {};
  child.on('message', (message: object) => Object.assign(report, message));
  const [{ url }] = await once(child, 'message', { signal: AbortSignal.timeout(20_000) });
  return { url, child, end, report };
}

/** Orders on 20 connections until the server has ended; SIGTERM after `most` of them. The ids of those answered. */
async function loadUntilSigterm({ url, child, end }: Server, most: number): Promise<Set<string>> {
  const orders = new Set<string>();
  const options: autocannon.Options = {
    url,
    connections: 20,
    duration: 60,
    requests: [
      {
        method: 'POST',
        path: '/orders',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ userId: 'user-1' }),
        onResponse(status, body) {
          if (status === 201) orders.add(JSON.parse(body).orderId);
          if (orders.size === most) child.kill('SIGTERM');
        },
      },
    ],
  };
  const load = autocannon(options, () => {});
  try {
    await end;
  } finally {
    load.stop();
  }
  return orders;
}

async function arrivedOrders(): Promise<unknown[]> {
  return (await api.events()).map(({ properties }) => properties?.['orderId']);
}

test('a server under load that is told to end delivers the event of every request it answered', async () => {
  const server = await serve('demo/server.js');
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
  const server = await serve('demo/server.js', { WORK_MS: '500' });
  const placed = Array.from({ length: 5 }, () => placeOrder(server.url));
  await Promise.all(placed.map(({ inFlight }) => inFlight));
  server.child.kill('SIGTERM');

  const orders = await Promise.all(placed.map(({ answer }) => answer));
  expect(orders.map(({ status }) => status)).toEqual([201, 201, 201, 201, 201]);
  // Their connections are kept by this side: a server that waits for them would be killed in the end.
  expect(await server.end).toEqual([0, null]);
  expect((await arrivedOrders()).sort()).toEqual(orders.map(({ orderId }) => orderId).sort());
});

test('with flushOnSignals and no handler of its own it delivers all it accepted and ends by the signal', async () => {
  const server = await serve('fixtures/fastify-signal.mjs');
  const orders = await loadUntilSigterm(server, 1_500);
  expect(await server.end).toEqual([null, 'SIGTERM']);

  const arrived = await arrivedOrders();
  expect(arrived).toHaveLength(new Set(arrived).size);
  expect([...orders].filter((id) => !arrived.includes(id))).toEqual([]);
  expect(orders.size).toBeGreaterThanOrEqual(1_500);
});

/** An order on a connection that is kept. It is in flight once the server has said that it will take the body. */
function placeOrder(url: string): { inFlight: Promise<unknown>; answer: Promise<Answer> } {
  const headers = { 'content-type': 'application/json', expect: '100-continue' };
  const signal = AbortSignal.timeout(20_000);
  const sent = request(`${url}/orders`, { method: 'POST', agent, headers, signal });
  sent.flushHeaders();
  const inFlight = once(sent, 'continue', { signal });
  const answer = inFlight.then(async () => {
    sent.end(JSON.stringify({ userId: 'user-1' }));
    const [response] = (await once(sent, 'response', { signal })) as [IncomingMessage];
    let text = '';
    for await (const piece of response) text += piece;
    return { status: response.statusCode, orderId: JSON.parse(text).orderId };
  });
  return { inFlight, answer };
}
