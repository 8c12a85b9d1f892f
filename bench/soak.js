// A soak test: 10,000 events a second against an API that fails one request in ten. Prints a line every ten seconds and
// accounts for every event at the end. Exits with 1 if an event is unaccounted for or memory grows.
//
//   npm run soak -- --seconds 300
import { parseArgs } from 'node:util';
import { startTrackingApi } from '@offthread/devtools';
import { Analytics } from '@offthread/sdk';
import { pace } from './pace.js';
import { median } from './statistics.js';

const RATE = 10_000;
const LINE_MS = 10_000;
const FAULT_MS = 5_000;
const CLOSE_MS = 60_000;

/** Growth from the middle to the end, in MB, that counts as noise: the garbage collector may be late. */
const NOISE_MB = 32;

/** The faults, one after the other. */
const FAULTS = [
  { type: 'answer', status: 503 },
  { type: 'drop', after: 'body' },
  { type: 'answer', status: 500 },
  { type: 'drop', after: 'partial-reply' },
  { type: 'garbage' },
  { type: 'drop', after: 'headers' },
  { type: 'answer', status: 400, accept: false },
  { type: 'truncate' },
];

/** The state of each event, one byte each. */
const ACCEPTED = 1;
const REPORTED = 2;
const RECEIVED = 4;

const { values } = parseArgs({ options: { seconds: { type: 'string', default: '300' } } });
const seconds = Number(values.seconds);
if (!Number.isFinite(seconds) || seconds <= 0) {
  console.error(`--seconds: expected a number, got '${values.seconds}'`);
  process.exit(2);
}

const expected = RATE * seconds;
// Filled, so that all of its memory is allocated from the start and doesn't look like growth.
const states = new Uint8Array(expected + 1).fill(0);
const api = await startTrackingApi({ record: 'ids', maxRecorded: 2 * expected });
const analytics = new Analytics({
  writeKey: 'soak',
  host: api.url,
  batchSize: 2_500,
  maxQueueSize: 20 * RATE,
  onError: ({ events = [] }) => {
    for (const { messageId } of events) states[numberIn(messageId)] |= REPORTED;
  },
});

const start = performance.now();
const samples = [];
const faults = setInterval(nextFault, FAULT_MS);
const live = process.stdout.isTTY ? setInterval(showLive, 250) : undefined;
const lines = setInterval(showLine, LINE_MS);
await nextFault();
await pace(RATE, seconds * 1_000, 0, track);
for (const timer of [faults, live, lines]) clearInterval(timer);
showLine();

const result = await analytics.close(CLOSE_MS);
const problems = [...(await faultsInAccount()), ...faultsInMemory()];
await api.close();
console.log(problems.length === 0 ? 'All accounted for, memory flat.' : problems.join('\n'));
process.exit(problems.length === 0 ? 0 : 1);

function track(n) {
  const accepted = analytics.track({
    userId: `user-${n % 1_000}`,
    event: 'Soaked',
    messageId: `soak-${n}`,
    properties: { n },
  });
  if (accepted) states[n] |= ACCEPTED;
}

async function nextFault() {
  const behaviour = FAULTS.shift();
  FAULTS.push(behaviour);
  await api.behave({ type: 'sometimes', probability: 0.1, behaviour });
}

function showLive() {
  const { accepted, delivered, pending, retries } = analytics.stats();
  process.stdout.write(
    `\r${elapsed()} s  ${accepted} accepted  ${delivered} delivered  ${pending} pending  ${retries} retries `,
  );
}

function showLine() {
  const { accepted, delivered, failed, pending, retries } = analytics.stats();
  const sample = {
    rss: process.memoryUsage.rss() / 2 ** 20,
    handles: process.getActiveResourcesInfo().length,
  };
  samples.push(sample);
  const { rss, handles } = sample;
  console.log(
    `${live === undefined ? '' : '\r'}${elapsed()} s  rss ${rss.toFixed(0)} MB  handles ${handles}  accepted ${accepted}  ` +
      `delivered ${delivered}  failed ${failed}  pending ${pending}  retries ${retries}`,
  );
}

/** Checks that every event was received, reported or refused, and that the counters agree. */
async function faultsInAccount() {
  for (const messageId of await api.messageIds()) states[numberIn(messageId)] |= RECEIVED;
  const counted = { accepted: 0, received: 0, reported: 0, lost: 0, refusedYetReceived: 0 };
  for (const state of states) {
    if (state & ACCEPTED) counted.accepted++;
    if (state & RECEIVED) counted.received++;
    if (state & REPORTED) counted.reported++;
    if (state === ACCEPTED) counted.lost++;
    if (state & RECEIVED && !(state & ACCEPTED)) counted.refusedYetReceived++;
  }
  const stats = analytics.stats();
  const { duplicates } = await api.counts();
  console.log('counted by id', counted, 'sent twice', duplicates, '\nstats()', stats, '\nclose()', result);

  const dropped = Object.values(stats.dropped).reduce((sum, each) => sum + each, 0);
  const { accepted, delivered, failed, pending } = stats;
  const problems = [];
  if (counted.lost > 0)
    problems.push(`${counted.lost} events were accepted, and neither received nor reported`);
  if (counted.refusedYetReceived > 0)
    problems.push(`${counted.refusedYetReceived} events were refused, yet received`);
  if (accepted !== counted.accepted)
    problems.push(`stats() has ${accepted} accepted, not ${counted.accepted}`);
  if (delivered > counted.received)
    problems.push(`stats() has ${delivered} delivered of ${counted.received} received`);
  if (accepted !== delivered + failed + dropped + pending) problems.push('the counters do not add up');
  if (pending > 0) problems.push(`${pending} events are pending after close()`);
  return problems;
}

/** Compares the last third of the run with the middle one; the first third is the warm-up. */
function faultsInMemory() {
  const third = Math.floor(samples.length / 3);
  if (third < 2) return [];
  const problems = [];
  const grown = (key) =>
    median(samples.slice(-third).map(key)) - median(samples.slice(third, 2 * third).map(key));
  const rss = grown((sample) => sample.rss);
  const handles = grown((sample) => sample.handles);
  console.log(`from the middle third to the last one: rss ${rss.toFixed(1)} MB, handles ${handles}`);
  if (rss > NOISE_MB) problems.push(`memory grew by ${rss.toFixed(0)} MB`);
  if (handles > 2) problems.push(`handles grew by ${handles}`);
  return problems;
}

function numberIn(messageId) {
  return Number(messageId.slice('soak-'.length));
}

function elapsed() {
  return ((performance.now() - start) / 1_000).toFixed(0).padStart(4);
}
