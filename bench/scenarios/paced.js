// 5,000 events a second, evenly: what an event costs the main thread, and all threads. The first target.
import { readCpu, usedBetween } from '../cpu.js';
import { eventOf } from '../event.js';
import { pace } from '../pace.js';
import { runOnce } from '../run.js';

const RATE = 5_000;

export const title = 'Main-thread CPU an event, 5,000 events/s paced';
export const subjects = ['none', 'json', 'offthread', 'segment', 'segment-500', 'posthog', 'rudder'];

/** In the bench's process. */
export async function run({ endpoints, quick }, subject) {
  await endpoints.reset();
  const settings = { ...endpoints.urls, warmUp: quick ? 1_000 : 3_000, ms: quick ? 1_500 : 5_000 };
  const { result } = await runOnce('paced', subject, settings);
  if (result === undefined) return undefined;
  return { ...result, lost: lostOf(subject, result.tracked, await endpoints.received()) };
}

export function lostOf(subject, tracked, received) {
  return subject === 'none' || subject === 'json' ? 0 : tracked - received;
}

/** In a process of its own. */
export async function measure(subject, { warmUp, ms, rate = RATE, ...settings }) {
  const client = subject.create(await subject.load(), settings);
  let refused = 0;
  const track = (n) => {
    if (client.track(eventOf(n)) === false) refused++;
  };
  const first = await pace(rate, warmUp, 0, track);
  const before = readCpu();
  const last = await pace(rate, ms, first, track);
  const used = usedBetween(before, readCpu());
  await client.close();
  const events = last - first;
  return { mainUs: used.main / events, allUs: used.all / events, events, tracked: last, refused };
}
