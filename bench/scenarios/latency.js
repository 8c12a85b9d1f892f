// Fastify at 2,000 requests a second with one event each: the latency that clients observe.
import { sendAtRate } from '../load.js';
import { Run } from '../run.js';
import { openShop } from '../shop.js';
import { lostOf } from './paced.js';

const RATE = 2_000;

export const title = 'Fastify at 2,000 requests/s';
/** Three times as many rounds as other scenarios, because a p99 depends on a few moments. */
export const rounds = 3;
export const subjects = ['none', 'json', 'offthread', 'segment', 'posthog', 'rudder'];

export async function run({ endpoints, quick }, subject) {
  await endpoints.reset();
  const run = new Run('latency', subject, endpoints.urls);
  const { url } = await run.next();
  await sendAtRate(url, '/order', RATE, quick ? 1_000 : 3_000);
  await run.ask('begin');
  const took = await sendAtRate(url, '/order', RATE, quick ? 2_000 : 5_000);
  const result = await run.ask('end');
  const finished = await run.ask('finish');
  await run.ended();
  if (result === undefined) return undefined;
  took.sort((a, b) => a - b);
  const at = (share) => took[Math.floor(took.length * share)] ?? Number.NaN;
  const lost =
    finished === undefined ? Number.NaN : lostOf(subject, finished.tracked, await endpoints.received());
  const { loopDelayP99, main, requests } = result;
  return { p50: at(0.5), p99: at(0.99), loopDelayP99, mainUs: main / requests, lost };
}

export function measure(subject, settings) {
  return openShop(subject, settings);
}
