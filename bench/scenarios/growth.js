// The cost of the same event at growing rates, queue lengths and numbers of clients. It should stay constant.
import { once } from 'node:events';
import { costOf } from '../cost.js';
import { eventOf } from '../event.js';
import { pace } from '../pace.js';
import { Run } from '../run.js';
import { lostOf } from './paced.js';

const RATE = 5_000;
const WARM_UP_MS = 2_000;

/** Pairs of windows; fewer if the length of the queue should stay about constant. */
const PAIRS = 8;
const QUEUE_PAIRS = 2;

export const title = 'Growth';
/** The floor isn't constant either: at a low rate the processor's caches are cold at each event. */
export const subjects = ['json', 'offthread'];

const PARTS = {
  rate: [500, 2_000, 5_000, 20_000],
  queue: [0, 1_000, 10_000],
  clients: [1, 10, 100, 1_000],
};

export async function run({ endpoints, quick }, subject) {
  const result = { lost: 0 };
  for (const [part, sizes] of Object.entries(PARTS)) {
    if (subject === 'json' && part !== 'rate') continue;
    for (const size of sizes) {
      await endpoints.reset();
      const run = new Run('growth', subject, { ...endpoints.urls, batchSize: 2_500, part, size, quick });
      let measured = await run.next();
      if (part === 'queue') {
        await endpoints.hang();
        measured = await run.ask('go on');
      }
      await run.ended();
      result[`${part} ${size}`] = measured?.netMainUs ?? Number.NaN;
      // The events in the queue are never answered.
      if (part !== 'queue') {
        result.lost += lostOf(subject, measured?.tracked ?? Number.NaN, await endpoints.received());
      }
    }
  }
  return result;
}

export async function measure(subject, { part, size, quick, ...settings }) {
  const loaded = await subject.load();
  const create = () => subject.create(loaded, settings);
  return part === 'queue' ? onQueue(create(), size) : atRate(create, part, size, quick);
}

async function atRate(create, part, size, quick) {
  const clients = Array.from({ length: part === 'clients' ? size : 1 }, create);
  const rate = part === 'rate' ? size : RATE;
  const track = (event, n) => clients[n % clients.length].track(event);
  // The same warm-up for all, so that a low rate doesn't warm up for longer.
  const first = await pace(RATE, WARM_UP_MS, 0, (n) => track(eventOf(n), n));
  const { netMainUs, events } = await costOf(track, { rate, pairs: quick ? 2 : PAIRS, first });
  await Promise.all(clients.map((client) => client.close()));
  return { netMainUs, tracked: first + events };
}

/** Warms up; then the API stops replying, the queue is filled, and 5,000 more events are measured. */
async function onQueue(client, size) {
  const track = (event) => client.track(event);
  await pace(RATE, WARM_UP_MS, 0, (n) => track(eventOf(n)));
  process.send('warm');
  await once(process, 'message');
  for (let n = 0; n < size; n++) track(eventOf(n));
  return costOf(track, { rate: RATE, pairs: QUEUE_PAIRS });
}
