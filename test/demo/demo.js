// npm run demo: shows that a Fastify server under load delivers every accepted event when it gets SIGTERM. Exits with 1
// if an event is missing. Options: see below. Next: server.js, the part to copy.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { startTrackingApi } from '@offthread/devtools';
import autocannon from 'autocannon';
import { count, heading, line, pretty, table } from './print.js';

const { values } = parseArgs({
  options: {
    requests: { type: 'string', default: '6000' }, // answered before SIGTERM
    connections: { type: 'string', default: '20' },
    latency: { type: 'string', default: '20' }, // of the Tracking API, in ms
    refuse: { type: 'boolean', default: false }, // refuse one request, to show a loss
  },
});
const requests = Number(values.requests);
const connections = Number(values.connections);
const latency = Number(values.latency);

heading('A Fastify server tracks an event for every request. A worker thread delivers them.');

// The Tracking API, in a child process.
const api = await startTrackingApi({ latencyMs: latency });
if (values.refuse)
  await api.script([
    { type: 'ok', times: 9 },
    { type: 'answer', status: 403 },
  ]);

// The server, in another child process.
const server = fork(new URL('./server.js', import.meta.url), {
  env: { ...process.env, ANALYTICS_HOST: api.url },
});
const ended = once(server, 'exit');
process.on('exit', () => server.kill('SIGKILL'));
let report;
server.on('message', (message) => {
  if (message.type === 'report') report = message;
});
const [{ url }] = await once(server, 'message', { signal: AbortSignal.timeout(15_000) });

table([
  ['Tracking API', api.url, `process ${api.pid}, answers after ${latency} ms`],
  ['Fastify', url, `process ${server.pid}, one track() a request`],
  ['Load', `${connections} connections`, `SIGTERM after ${count(requests)} answers, under load`],
]);

// The load. The id of every order that was answered with 201 is recorded.
const orders = new Set();
let rejectedOrders = 0;
const load = autocannon({
  url,
  connections,
  duration: 120,
  requests: [
    {
      method: 'POST',
      path: '/orders',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ userId: '019mr8mf4r' }),
      onResponse(status, body) {
        if (status === 201) orders.add(JSON.parse(body).orderId);
        else rejectedOrders++;
        if (orders.size === requests) terminate();
      },
    },
  ],
});

const start = performance.now();
const say = (text) => line(`  ${((performance.now() - start) / 1000).toFixed(1).padStart(4)} s   ${text}`);
const progress = setInterval(async () => {
  const { events } = await api.counts();
  say(`${count(orders.size)} requests answered, ${count(events)} events arrived`);
}, 500);

function terminate() {
  clearInterval(progress);
  say(`${count(orders.size)} requests answered: SIGTERM`);
  server.kill('SIGTERM');
  setTimeout(() => server.kill('SIGKILL'), 30_000).unref();
}

const [code, signal] = await ended;
clearInterval(progress);
load.stop();
say(`the server ended, ${signal ? `by ${signal}` : `exit code ${code}`}`);

// Compares the load's replies, the counters of the server's client, and the events at the Tracking API.
const arrived = await api.events();
const { requests: apiRequests, biggestBatch } = await api.counts();
await api.close();
const arrivedOrders = new Set(arrived.map(({ properties }) => properties.orderId));
const missing = [...orders].filter((id) => !arrivedOrders.has(id));
const accepted = report?.stats.accepted ?? 0;
const lost = Math.max(missing.length, accepted - arrivedOrders.size);

heading('Result');
table([
  [
    'Requests answered',
    count(orders.size),
    rejectedOrders > 0 && `and ${rejectedOrders} rejected with 503 while it closed`,
  ],
  ['Events accepted', count(accepted), 'track() returned true'],
  ['Events delivered', count(report?.stats.delivered ?? 0), 'the Tracking API answered 2xx'],
  ['Events lost', count(lost), 'orders answered with 201 whose event did not arrive'],
  ['Requests to the API', count(apiRequests), 'one at a time'],
  ['Biggest batch', count(biggestBatch), 'events'],
]);
if (report) {
  const { mean, median, p99 } = report.track;
  table([
    [
      'Cost of an event',
      `${median.toFixed(1)} µs`,
      'median time inside track() on the main thread, in the server, under this load',
    ],
    ['', `${mean.toFixed(1)} µs`, 'mean, with the pauses for garbage collection and for other processes'],
    ['', `${p99.toFixed(1)} µs`, '99 of 100 calls took less'],
  ]);
  line('  Not measured: the work done up to five times a second to hand over events and process outcomes.');
}

heading('One event as it arrived');
line(arrived.length > 0 ? pretty(arrived.at(-1)) : '  none');

if (lost > 0 || !report || code !== 0) {
  line(missing.length > 0 ? `\nMissing: order ${missing.slice(0, 3).join(', order ')}, …` : '');
  process.exitCode = 1;
}
