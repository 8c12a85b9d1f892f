// A script that tracks one event, waits until it is sent and ends: its duration from a cold start, on each Node.js.
import { eventOf } from '../event.js';
import { onEachNode } from '../nodes.js';
import { runOnce } from '../run.js';

export const title = 'A script: track, flush, end';
export const subjects = ['none', 'offthread', 'segment', 'posthog', 'rudder'];
/** Start times vary more than the differences between subjects. */
export const rounds = 3;

export function run({ endpoints }, subject) {
  return onEachNode(async (execPath) => {
    await endpoints.reset();
    const { result, elapsed } = await runOnce('script', subject, endpoints.urls, { execPath });
    if (result === undefined) return undefined;
    return { processMs: elapsed, ...result, delivered: await endpoints.received() };
  });
}

/** Offthread blocks in the first tick; the others only have a promise. */
export async function measure(subject, settings) {
  const loaded = await subject.load();
  const start = performance.now();
  const client = subject.create(loaded, settings);
  client.track(eventOf(1));
  if (client.flush !== undefined) client.flush();
  else await client.close();
  return { flushMs: performance.now() - start };
}
