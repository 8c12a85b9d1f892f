// Fastify as fast as it can, one event a request: what tracking takes from a server that is busy.
import { setTimeout as delay } from 'node:timers/promises';
import { netOf } from '../cost.js';
import { Run } from '../run.js';
import { openShop } from '../shop.js';
import { median } from '../statistics.js';
import { lostOf } from './paced.js';

const CONNECTIONS = 20;

/** More than `batchSize` events gather during a request, see docs/reference/delivery.md. */
const BATCH_SIZE = 2_500;

/** Seconds. */
const WARM_UP_S = 2;
const WINDOW_S = 1;

/** Milliseconds after a window in which what it has left behind, like requests, is counted with it. */
const REST_MS = 300;

export const title = 'Fastify, one event a request, saturated';
export const saturated = true;
/** Twice as many as others have, and short ones: a machine that changes its speed changes it for all subjects. */
export const rounds = 2;
export const subjects = ['none', 'json', 'offthread', 'segment', 'posthog', 'rudder'];

/**
 * A window whose requests are tracked and one whose requests are not take turns at the same server: what is net is little
 * beside what a request takes, and a machine that is slower for half a minute makes more of a difference than that.
 */
export async function run({ endpoints, quick }, subject) {
  await endpoints.reset();
  // Here, because the tables of the report need no package installed.
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
