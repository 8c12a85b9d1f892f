// The benchmark. Runs scenarios in interleaved rounds, prints figures, and stores them in results.json. Next:
// scenarios/, then render.js.
//
//   npm run bench                        everything, about three quarters of an hour
//   npm run bench -- --quick             the same with short runs and one round
//   npm run bench -- --only paced        one scenario, or several with commas
//   npm run bench -- --check             exits with 1 if a target is missed
//   npm run bench -- --rounds 5          interleaved rounds, 3 by default
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { cpuSource } from './cpu.js';
import { Endpoints, LATENCY_MS } from './endpoints.js';
import { eventOf } from './event.js';
import { describeMachine, load } from './machine.js';
import { render } from './render.js';
import { number, scenarioTable, targetTable } from './report.js';
import { Results } from './results.js';
import { SCENARIOS } from './scenarios/index.js';
import { targetsOf } from './targets.js';

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    check: { type: 'boolean', default: false },
    only: { type: 'string' },
    rounds: { type: 'string' },
  },
});

const names = options.only?.split(',') ?? Object.keys(SCENARIOS);
for (const name of names) {
  if (SCENARIOS[name] === undefined) {
    console.error(`There is no scenario '${name}'; there are ${Object.keys(SCENARIOS).join(', ')}`);
    process.exit(2);
  }
}
const rounds = Number(options.rounds ?? (options.quick ? 1 : 3));
const results = new Results();
const loadBefore = load();
const start = performance.now();
const about = [
  describeMachine(),
  `Node ${process.version}, ${versions()}`,
  `The API runs on the same machine in a process of its own, with the lowest priority unless the CPUs are saturated. It counts events without reading them, and answers after ${LATENCY_MS} ms`,
  `An event has ${Buffer.byteLength(JSON.stringify(eventOf(12_345)))} bytes as JSON`,
  `CPU time is read from ${cpuSource()}. The cost of an event is the difference between windows with and without tracking, which alternate in one process. \`net\` means after subtracting the same round with nothing tracked`,
];
for (const line of about) console.log(line);

for (const name of names) await runScenario(name);

const figures = results.figures();
const targets = targetsOf(figures);
about.push(
  `${rounds} rounds in ${minutesSince(start)} minutes; load of the machine before: ${number(loadBefore)}`,
);
console.log(`\n${targetTable(targets)}`);
if (options.only === undefined && !options.quick) {
  const stored = { about, figures, targets };
  writeFileSync(new URL('results.json', import.meta.url), `${JSON.stringify(stored, null, 2)}\n`);
  await render();
}
const missed = targets.filter(({ met }) => !met);
console.log(
  `\n${targets.length - missed.length} of ${targets.length} targets met in ${minutesSince(start)} minutes`,
);
process.exit(options.check && missed.length > 0 ? 1 : 0);

/** Runs all subjects once, then all of them again, so that a temporary disturbance affects each of them. */
async function runScenario(name) {
  const scenario = SCENARIOS[name];
  console.log(`\n# ${scenario.title}`);
  const givenUp = new Set();
  const endpoints = await Endpoints.start(scenario);
  const times = options.quick ? 1 : rounds * (scenario.rounds ?? 1);
  for (let round = 1; round <= times; round++) {
    for (const subject of scenario.subjects) {
      if (givenUp.has(subject)) continue;
      const record = await scenario.run({ endpoints, quick: options.quick }, subject);
      results.add(name, subject, record);
      // A subject that didn't finish would take as long again without a result.
      if (record === undefined) givenUp.add(subject);
      const shown = Object.entries(record ?? { result: 'did not finish' }).map(
        ([key, value]) => `${key} ${number(value)}`,
      );
      console.log(
        `${minutesSince(start)} min  ${name} ${round}/${times}  ${subject.padEnd(12)} ${shown.join('  ')}`,
      );
    }
  }
  await endpoints.stop();
  console.log(`\n${await scenarioTable(results.figures(), name)}`);
}

function versions() {
  const names = [
    '@offthread/sdk',
    '@segment/analytics-node',
    'posthog-node',
    '@rudderstack/rudder-sdk-node',
    'fastify',
  ];
  return names.map((name) => `${name} ${versionOf(name)}`).join(', ');
}

function versionOf(name) {
  return JSON.parse(readFileSync(new URL(`node_modules/${name}/package.json`, import.meta.url), 'utf8'))
    .version;
}

function minutesSince(time) {
  return ((performance.now() - time) / 60_000).toFixed(1);
}
