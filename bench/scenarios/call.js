// track() in a hot loop on each Node.js: the cost of a call with warm code, compared with one JSON.stringify.
import { setTimeout as delay } from 'node:timers/promises';
import { eventOf } from '../event.js';
import { onEachNode } from '../nodes.js';
import { runOnce } from '../run.js';
import { median } from '../statistics.js';

const CALLS = 200;

/** V8 optimizes the code of a client during the first hundred loops, on Node.js 26 later than on 20. */
const LOOPS = 300;
const COLD_LOOPS = 150;

export const title = 'track() in a hot loop';
export const subjects = ['none', 'json', 'offthread', 'segment', 'posthog'];

export function run({ endpoints }, subject) {
  return onEachNode(async (execPath) => {
    await endpoints.reset();
    const { result } = await runOnce('call', subject, endpoints.urls, { execPath });
    return result;
  });
}

/** During the pauses between loops, clients with queues send their events; that work isn't included in the figure. */
export async function measure(subject, settings) {
  const client = subject.create(await subject.load(), settings);
  const loops = [];
  for (let loop = 0; loop < LOOPS; loop++) {
    const events = Array.from({ length: CALLS }, (_, n) => eventOf(loop * CALLS + n));
    const start = performance.now();
    for (const event of events) client.track(event);
    loops.push((performance.now() - start) * (1_000 / CALLS));
    await delay(20);
  }
  await client.close();
  return { callUs: median(loops.slice(COLD_LOOPS)) };
}
