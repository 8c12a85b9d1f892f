// npm run demo:crash: a Fastify server with a spool is killed with SIGKILL three times under load, and every order it answered
// with 201 arrives. Out: what happened, on stdout; exit code 1 if one is missing. Next: torture/crash-loop.js.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startTrackingApi } from '@offthread/devtools';
import { drain, judge, kill, Load, startServer, WINDOW_MS } from '../torture/crash-loop.js';
import { count, heading, line, table } from './print.js';

heading('A Fastify server tracks an event for every order. It is killed with SIGKILL, three times.');

const directory = mkdtempSync(join(tmpdir(), 'offthread-spool-'));
const api = await startTrackingApi({ latencyMs: 20 });
const settings = { writeKey: 'demo', host: api.url, spool: directory };
table([
  ['Tracking API', api.url, `process ${api.pid}`],
  ['Spool', directory, 'what is accepted is on the disk before it is sent'],
]);

const start = performance.now();
const say = (text) => line(`  ${((performance.now() - start) / 1000).toFixed(1).padStart(4)} s   ${text}`);
const answered = new Map();
for (let round = 1; round <= 3; round++) {
  const server = await startServer(settings);
  say(`process ${server.child.pid} has started`);
  const load = new Load(server.url, 10, `demo-${round}`);
  await new Promise((resolve) => setTimeout(resolve, 1_200));
  const { events } = await api.counts();
  say(
    `${count(answered.size + load.answered.size)} orders answered, ${count(events)} events arrived: SIGKILL`,
  );
  const killedAt = performance.now();
  await kill(server);
  await load.stop();
  for (const [id, time] of load.answered) answered.set(id, killedAt - time);
}
say('one more process sends what they have left');
const { arrived, stats } = await drain({ settings, api, answered, window: WINDOW_MS });
const { events } = await api.counts();
const result = judge(answered, arrived, WINDOW_MS);
say('and ends');
await api.close();
rmSync(directory, { recursive: true, force: true });

heading('Result');
table([
  ['Orders answered', count(result.answered), 'with 201'],
  ['Orders arrived', count(result.arrived)],
  ['Events recovered', count(stats.spool.recovered), 'by the last process'],
  ['Missing', count(result.missing.length), `answered more than ${WINDOW_MS} ms before a kill`],
  ['', count(result.missingRisky), `answered in the last ${WINDOW_MS} ms before a kill, which may be lost`],
  [
    'Sent twice',
    count(Math.max(0, events - arrived.size)),
    'with the same messageId, by which the API knows them',
  ],
  ['Doubled', count(result.doubled.length), 'as two different events'],
]);
process.exitCode = result.missing.length > 0 || result.doubled.length > 0 ? 1 : 0;
