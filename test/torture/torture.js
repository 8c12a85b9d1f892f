// npm run torture: servers with a spool are killed with SIGKILL, 1,000 times in each mode, and what they have answered must
// arrive. Then the longer forms of the tests with random disks and racing processes, and of the one that kills relays on a
// redis-server. In: options, see below. Out: seed and counts, as JSON with --json; exit code 1 if something is missing.
//
//   npm run torture                                    everything, about half an hour a mode
//   npm run torture -- --only strict --kills 150       one part, or several with commas: default, strict, stored, disks, fleet
//   npm run torture -- --seed 1234                     the same kills again, as far as the machine allows
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startTrackingApi } from '@offthread/devtools';
import { crashLoop, drain, judge, WINDOW_MS } from './crash-loop.js';

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: 'default,strict,stored,disks,fleet' },
    kills: { type: 'string', default: '1000' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    window: { type: 'string', default: String(WINDOW_MS) }, // milliseconds that a kill may take in default mode
    most: { type: 'string', default: '400' }, // milliseconds until a kill, at most
    factor: { type: 'string', default: '20' }, // how much longer the tests are, for `disks`
    outage: { type: 'boolean', default: false }, // let the API answer 503 until the last process
    json: { type: 'boolean', default: false },
  },
});
const kills = Number(values.kills);
const seed = Number(values.seed);
const say = (text) => values.json || process.stdout.write(`${text}\n`);

/** What a kill may take: milliseconds of answered orders. `settings` is what the server needs besides the directory. */
const MODES = {
  default: { window: Number(values.window), spool: {} },
  strict: { window: 0, spool: { strict: true } },
  /** Orders are answered after `stored()`. */
  stored: { window: 0, spool: {}, isDurable: true },
};

const DISKS = ['power-loss', 'strict-run', 'full-disk', 'adoption', 'two-containers', 'poison'];

/** How much longer the test with two relays is. It kills one of them eight times then. */
const FLEET_FACTOR = 7;

const results = {};
let isWell = true;
for (const part of values.only.split(',')) {
  if (part === 'disks') isWell = (await runTests(part, DISKS.map(spoolTest), values.factor)) && isWell;
  else if (part === 'fleet')
    isWell = (await runTests(part, ['test/relay/fleet.test.ts'], FLEET_FACTOR)) && isWell;
  else if (MODES[part] === undefined) throw new Error(`There is no part '${part}'`);
  else {
    results[part] = await runMode(part, MODES[part]);
    isWell = isWell && results[part].missing.length === 0 && results[part].doubled.length === 0;
  }
}
if (values.json) process.stdout.write(`${JSON.stringify({ seed, kills, ...results })}\n`);
process.exitCode = isWell ? 0 : 1;

async function runMode(name, { window, spool, isDurable }) {
  say(`${name}: seed ${seed}, ${kills} kills`);
  const directory = mkdtempSync(join(tmpdir(), 'offthread-torture-'));
  const api = await startTrackingApi({ maxRecorded: 10_000_000 });
  if (values.outage) await api.behave({ type: 'answer', status: 503 });
  const settings = {
    writeKey: 'KEY',
    host: api.url,
    spool: { directory, ...spool },
    flushOnExit: 'store',
    isDurable,
  };
  const onKill = (count, orders) => count % 50 === 0 && say(`  ${count} kills, ${orders} orders answered`);
  const answered = await crashLoop({ settings, kills, seed, most: Number(values.most), onKill });
  if (values.outage) await api.behave({ type: 'ok' });
  const { arrived, stats } = await drain({ settings, api, answered, window });
  const { events, forgotten } = await api.counts();
  const result = { events, forgotten, ...judge(answered, arrived, window), stats };
  await api.close();
  rmSync(directory, { recursive: true, force: true });
  say(`  ${result.answered} orders were answered with 201, ${result.arrived} arrived`);
  say(`  ${result.missing.length} are missing that had to arrive: ${result.missing.slice(0, 5)}`);
  say(
    `  ${result.missingRisky} are missing that were answered just before a kill, the oldest ${result.oldestMissingMs.toFixed(1)} ms`,
  );
  say(`  ${result.doubled.length} arrived as two different events`);
  return result;
}

function spoolTest(name) {
  return `test/spool/${name}.test.ts`;
}

/** Runs tests that have a longer form. Returns whether all pass. */
async function runTests(part, files, factor) {
  say(`${part}: seed ${seed}, ${factor} times as long as in npm test`);
  const vitest = join(createRequire(import.meta.url).resolve('vitest/package.json'), '../vitest.mjs');
  const child = spawn(process.execPath, [vitest, 'run', ...files], {
    cwd: fileURLToPath(new URL('../..', import.meta.url)),
    env: { ...process.env, TORTURE_FACTOR: String(factor), TORTURE_SEED: String(seed) },
    stdio: ['ignore', values.json ? 'ignore' : 'inherit', 'inherit'],
  });
  const [code] = await once(child, 'exit');
  return code === 0;
}
