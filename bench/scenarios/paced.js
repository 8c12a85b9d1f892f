// 5,000 events a second, evenly spaced: the cost of an event on the main thread and on all threads. The first target.
import { costOf } from '../cost.js';
import { eventOf } from '../event.js';
import { pace } from '../pace.js';
import { runOnce } from '../run.js';

const RATE = 5_000;

export const title = 'CPU an event, 5,000 events/s paced';
export const subjects = ['none', 'json', 'offthread', 'segment', 'segment-500', 'posthog', 'rudder'];

/** Runs in the bench's process. */
export async function run({ endpoints, quick }, subject) {
  await endpoints.reset();
  const settings = { ...endpoints.urls, warmUp: 2_000, pairs: quick ? 3 : 8 };
  const { result } = await runOnce('paced', subject, settings);
  if (result === undefined) return undefined;
  const { netMainUs, netAllUs, tracked, refused } = result;
  return { netMainUs, netAllUs, refused, lost: lostOf(subject, tracked, await endpoints.received()) };
}

export function lostOf(subject, tracked, received) {
  return subject === 'none' || subject === 'json' ? 0 : tracked - received;
}

/** Runs in a child process. */
export async function measure(subject, { warmUp, pairs, ...settings }) {
  const client = subject.create(await subject.load(), settings);
  let refused = 0;
  const track = (event) => {
    if (client.track(event) === false) refused++;
  };
  const first = await pace(RATE, warmUp, 0, (n) => track(eventOf(n)));
  const { netMainUs, netAllUs, events } = await costOf(track, { rate: RATE, pairs, first });
  await client.close();
  return { netMainUs, netAllUs, tracked: first + events, refused };
}
