// The same event at other sizes of everything: rate, events that wait, clients. Its cost should stay what it is.
import { once } from 'node:events';
import { readCpu, usedBetween } from '../cpu.js';
import { eventOf } from '../event.js';
import { pace } from '../pace.js';
import { Run } from '../run.js';

const RATE = 5_000;

export const title = 'Growth';
export const subjects = ['none', 'offthread'];

const PARTS = {
  rate: [500, 1_000, 2_000, 5_000, 10_000, 20_000],
  queue: [0, 1_000, 3_000, 10_000],
  clients: [1, 10, 100, 1_000],
};

export async function run({ endpoints, quick }, subject) {
  const result = {};
  for (const [part, sizes] of Object.entries(PARTS)) {
    for (const size of sizes) {
      await endpoints.reset();
      const run = new Run('growth', subject, { ...endpoints.urls, batchSize: 2_500, part, size, quick });
      let measured = await run.next();
      if (part === 'queue') {
        await endpoints.hang();
        measured = await run.ask('go on');
      }
      await run.ended();
      result[`${part} ${size}`] = measured?.mainUs ?? Number.NaN;
    }
  }
  return result;
}

export async function measure(subject, { part, size, quick, ...settings }) {
  const loaded = await subject.load();
  const create = () => subject.create(loaded, settings);
  const mainUs = part === 'queue' ? await onQueue(create(), size) : await atRate(create, part, size, quick);
  return { mainUs };
}

async function atRate(create, part, size, quick) {
  const clients = Array.from({ length: part === 'clients' ? size : 1 }, create);
  const rate = part === 'rate' ? size : RATE;
  const track = (n) => clients[n % clients.length].track(eventOf(n));
  const first = await pace(rate, quick ? 1_000 : 3_000, 0, track);
  const before = readCpu();
  const last = await pace(rate, quick ? 1_500 : 4_000, first, track);
  const used = usedBetween(before, readCpu());
  await Promise.all(clients.map((client) => client.close()));
  return used.main / (last - first);
}

/** Warm first; then nothing is answered any more, the queue is filled, and 2,000 more events are measured. */
async function onQueue(client, size) {
  const track = (n) => client.track(eventOf(n));
  await pace(RATE, 2_000, 0, track);
  process.send('warm');
  await once(process, 'message');
  for (let n = 0; n < size; n++) track(n);
  const before = readCpu();
  const events = await pace(RATE, 400, 0, track);
  return usedBetween(before, readCpu()).main / events;
}
