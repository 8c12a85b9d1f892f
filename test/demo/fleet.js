// npm run demo:fleet: two relays on Redis, a Fastify server with Offthread, a program with @segment/analytics-node, and a
// Tracking API that fails now and then. A relay and Redis are killed with SIGKILL on the way. Out: what happened, on
// stdout; exit code 1 if an event that was answered is missing. Next: fleet-parts.js.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { startTrackingApi } from '@offthread/devtools';
import autocannon from 'autocannon';
import { Balancer, Redis, Relay, startProgram } from './fleet-parts.js';
import { count, heading, line, table } from './print.js';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '12' }, // of load
    connections: { type: 'string', default: '10' },
    lose: { type: 'boolean', default: false }, // empty Redis on the way, to show a loss
  },
});
const loadMs = Number(values.seconds) * 1000;

heading('Two relays keep the events of a fleet in Redis. One relay and Redis are killed on the way.');

const scratch = mkdtempSync(join(tmpdir(), 'offthread-fleet-'));
const api = await startTrackingApi({ latencyMs: 20 });
const unwell = { type: 'answer', status: 503 };
const mostlyWell = { type: 'sometimes', probability: 0.1, seed: 7, behaviour: unwell };
await api.behave(mostlyWell);
const redis = await Redis.start(scratch);
const keys = ['demo-shop', 'demo-program'];
const args = ['--redis', redis.url, '--partitions', 4, '--api-host', api.url];
const relays = await Promise.all([1, 2].map(() => Relay.start({ args, keys })));
const balancer = await Balancer.start(() => relays.map(({ port }) => port));
const shop = await startProgram('server.js', { WRITE_KEY: keys[0], ANALYTICS_HOST: balancer.url });
const program = await startProgram('fleet-program.js', { WRITE_KEY: keys[1], ANALYTICS_HOST: balancer.url });

table([
  ['Tracking API', api.url, 'answers after 20 ms, one time in ten with a 503'],
  ['Redis', redis.url, 'appendonly yes, appendfsync always'],
  ['Relays', balancer.url, 'two of them behind a load balancer, four partitions for each source'],
  ['Fastify', shop.url, 'with @offthread/sdk, one event a request'],
  ['Program', `process ${program.pid}`, 'with @segment/analytics-node'],
]);

const start = performance.now();
const say = (text) => line(`  ${((performance.now() - start) / 1000).toFixed(1).padStart(4)} s   ${text}`);
const orders = new Set();
const load = autocannon({
  url: shop.url,
  connections: Number(values.connections),
  duration: loadMs / 1000 + 60,
  requests: [
    {
      method: 'POST',
      path: '/orders',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ userId: '019mr8mf4r' }),
      onResponse(status, body) {
        if (status === 201) orders.add(JSON.parse(body).orderId);
      },
    },
  ],
});

let arrivedBefore = 0;
const progress = setInterval(async () => {
  const { events } = await api.counts();
  const waiting = await relays.reduce(async (found, relay) => (await found) ?? relay.backlog(), undefined);
  say(
    `${count(orders.size)} orders answered, ${waiting === undefined ? 'Redis is away' : `${count(waiting)} wait in Redis`}, ` +
      `${count(events)} events arrived, ${count(events - arrivedBefore)}/s`,
  );
  arrivedBefore = events;
}, 1_000);

await sleep(loadMs * 0.25);
say(`SIGKILL for relay ${relays[0].pid}`);
await relays[0].kill();
await sleep(loadMs * 0.15);
await relays[0].restart();
say(`relay ${relays[0].pid} has started in its place`);
await sleep(loadMs * 0.1);
say('the Tracking API answers 503 to everything, and events pile up in Redis');
await api.behave(unwell);
await sleep(loadMs * 0.15);
say(`SIGKILL for Redis ${redis.pid}`);
await redis.kill();
await sleep(1_500);
if (values.lose) redis.forget();
await redis.restart();
say(`Redis ${redis.pid} has started again, and the Tracking API is well`);
await api.behave(mostlyWell);
await sleep(loadMs * 0.35);

say('the load ends, and the programs deliver what they have left to the relays');
load.stop();
const [{ stats }, { answered }] = await Promise.all([shop.finish(), program.finish()]);
const wanted = orders.size + answered.length;
const arrivedIds = async () => {
  const events = await api.events();
  const placed = new Set(events.map(({ properties }) => properties?.orderId));
  const ids = new Set(events.map(({ messageId }) => messageId));
  return {
    events,
    missing: [...orders].filter((id) => !placed.has(id)).concat(answered.filter((id) => !ids.has(id))),
  };
};
// The relays deliver what waits. Without a loss nothing is missing then.
const deadline = performance.now() + 60_000;
for (;;) {
  const waiting = await relays[0].backlog();
  if ((waiting === 0 && (await arrivedIds()).missing.length === 0) || performance.now() > deadline) break;
  if (waiting === 0 && values.lose) break;
  await sleep(250);
}
clearInterval(progress);
const { events, missing } = await arrivedIds();
const { requests, statuses } = await api.counts();
const codes = await Promise.all(relays.map((relay) => relay.stop()));
say(`the relays ended, exit codes ${codes.join(' and ')}`);
balancer.close();
await redis.stop();
await api.close();
rmSync(scratch, { recursive: true, force: true });

heading('Result');
table([
  [
    'Answered',
    count(wanted),
    `${count(orders.size)} orders of the server, ${count(answered.length)} events of the program`,
  ],
  ['Arrived', count(wanted - missing.length)],
  ['Missing', count(missing.length), 'answered, and not at the Tracking API'],
  [
    'Arrived again',
    count(events.length - new Set(events.map(({ messageId }) => messageId)).size),
    'with the same messageId',
  ],
  ['Failed in the server', count(stats?.failed ?? 0), 'events that the client of the server gave up'],
  ['Requests to the API', count(requests), `${count(statuses[503] ?? 0)} of them answered with 503`],
]);
if (missing.length > 0 || codes.some((code) => code !== 0)) process.exitCode = 1;
