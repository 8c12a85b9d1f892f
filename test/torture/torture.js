// npm run torture: servers with a spool are killed with SIGKILL, many times, and every order answered with 201 must arrive. In:
// options, see below. Out: seeds and counts, as JSON with --json; exit code 1 if an order is missing.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startTrackingApi } from '@offthread/devtools';
import { crashLoop, drain, judge, WINDOW_MS } from './crash-loop.js';

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '1000' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    blocks: { type: 'boolean', default: false }, // block the main thread before half of the kills
    durable: { type: 'boolean', default: false }, // answer only after stored(): then no order at all may be missing
    window: { type: 'string', default: String(WINDOW_MS) }, // milliseconds that a kill may take otherwise
    most: { type: 'string', default: '400' }, // milliseconds until a kill, at most
    outage: { type: 'boolean', default: false }, // let the API answer 503 until the last process
    json: { type: 'boolean', default: false },
  },
});
const kills = Number(values.kills);
const seed = Number(values.seed);
const say = (text) => values.json || process.stdout.write(`${text}\n`);

const directory = mkdtempSync(join(tmpdir(), 'offthread-torture-'));
const api = await startTrackingApi({ maxRecorded: 10_000_000 });
if (values.outage) await api.behave({ type: 'answer', status: 503 });
const settings = {
  writeKey: 'KEY',
  host: api.url,
  spool: directory,
  flushOnExit: 'store',
  isDurable: values.durable,
};
const window = values.durable ? Number.NEGATIVE_INFINITY : Number(values.window);
say(`seed ${seed}, ${kills} kills`);

const onKill = (count, answered) => count % 50 === 0 && say(`${count} kills, ${answered} orders answered`);
const answered = await crashLoop({
  settings,
  kills,
  seed,
  window,
  most: Number(values.most),
  blocks: values.blocks,
  onKill,
});
if (values.outage) await api.behave({ type: 'ok' });
const { arrived, stats } = await drain({ settings, api, orders: answered.orders });
const { events, forgotten } = await api.counts();
const result = { seed, kills, events, forgotten, ...judge(answered, arrived), stats };
await api.close();
rmSync(directory, { recursive: true, force: true });

if (values.json) process.stdout.write(`${JSON.stringify(result)}\n`);
else {
  say(`${result.answered} orders were answered with 201, ${result.arrived} arrived`);
  say(`${result.missing.length} are missing that had to arrive: ${result.missing.slice(0, 5)}`);
  say(`${result.missingRisky} are missing that were answered just before a kill`);
  say(`${result.doubled.length} arrived as two different events`);
}
process.exitCode = result.missing.length > 0 || result.doubled.length > 0 ? 1 : 0;
