// 2,000 events a second to an API that takes 150 ms to reply, with default settings: what is refused or lost, how full
// the queue gets, and how many connections are used.
import { eventOf } from '../event.js';
import { pace } from '../pace.js';
import { runOnce } from '../run.js';
import { lostOf } from './paced.js';

const RATE = 2_000;

export const title = 'Default settings: 2,000 events/s, an API of 150 ms';
export const subjects = ['offthread', 'segment', 'posthog'];
export const latencyMs = 150;

export async function run({ endpoints, quick }, subject) {
  await endpoints.reset();
  const settings = { ...endpoints.urls, defaults: true, seconds: quick ? 5 : 20 };
  const { result } = await runOnce('defaults', subject, settings);
  if (result === undefined) return undefined;
  const { tracked, refused, queueShare } = result;
  const lost = lostOf(subject, tracked - refused, await endpoints.received());
  return { refused, lost, queueShare, connections: await endpoints.connections() };
}

export async function measure(subject, { seconds, ...settings }) {
  const client = subject.create(await subject.load(), settings);
  let refused = 0;
  let queueShare = client.queueShare === undefined ? Number.NaN : 0;
  const tracked = await pace(RATE, seconds * 1_000, 0, (n) => {
    if (client.track(eventOf(n)) === false) refused++;
    // Ten times a second.
    if (n % 200 === 0 && client.queueShare !== undefined)
      queueShare = Math.max(queueShare, client.queueShare());
  });
  await client.close();
  return { tracked, refused, queueShare };
}
