// Fastify under full load with one event per request: how much throughput tracking costs.
import { setTimeout as delay } from 'node:timers/promises';
import { netOf } from '../cost.js';
import { Run } from '../run.js';
import { openShop } from '../shop.js';
import { median } from '../statistics.js';
import { lostOf } from './paced.js';

const CONNECTIONS = 20;

/** More than the default `batchSize` gather during a request, see docs/reference/delivery.md. */
const BATCH_SIZE = 2_500;

/** Seconds. */
const WARM_UP_S = 2;
const WINDOW_S = 1;

/** Milliseconds after a window that are counted with it, for the work it has left, such as requests. */
const REST_MS = 300;

export const title = 'Fastify, one event a request, saturated';
export const saturated = true;
/**
 * Twice as many rounds as other scenarios, and short ones, so that changes of the machine's speed affect all subjects.
 */
export const rounds = 2;
export const subjects = ['none', 'json', 'offthread', 'segment', 'posthog', 'rudder'];

/**
 * Alternates windows with tracked and untracked requests at the same server. The difference is small compared with the
 * cost of a request, and a machine that is slower for half a minute would hide it.
 */
export async function run({ endpoints, quick }, subject) {
  await endpoints.reset();
  // Imported here, so that rendering the tables doesn't require this package.
  const { default: autocannon } = await import('autocannon');
  const run = new Run('throughput', subject, { ...endpoints.urls, batchSize: BATCH_SIZE });
  const { url } = await run.next();
  const drive = (path, seconds) =>
    autocannon({ url: url + path, connections: CONNECTIONS, duration: seconds });
  const window = async (path) => {
    await run.ask('begin');
    const { requests, duration } = await drive(path, WINDOW_S);
    await delay(REST_MS);
    const used = await run.ask('end');
    return used && { main: used.main, all: used.all, events: used.requests, rate: requests.total / duration };
  };

  for (const path of ['/untracked', '/order']) await drive(path, WARM_UP_S);
  const pairs = [];
  for (let pair = 0; pair < (quick ? 1 : 3); pair++) {
    pairs.push({ without: await window('/untracked'), withIt: await window('/order') });
  }
  const finished = await run.ask('finish');
  await run.ended();
  if (finished === undefined) return undefined;
  return {
    requestsPerSecond: median(pairs.map(({ withIt }) => withIt.rate)),
    ...netOf(pairs),
    lost: lostOf(subject, finished.tracked, await endpoints.received()),
  };
}

export function measure(subject, settings) {
  return openShop(subject, settings);
}
