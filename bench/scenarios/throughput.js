// Fastify as fast as it can, one event a request: what tracking takes from a server that is busy.
import autocannon from 'autocannon';
import { Run } from '../run.js';
import { openShop } from '../shop.js';
import { lostOf } from './paced.js';

const CONNECTIONS = 20;

/** As README advises where a client has more than \`batchSize\` events in the time of a request. */
const BATCH_SIZE = 2_500;

export const title = 'Fastify, one event a request, saturated';
export const saturated = true;
/** Twice as many as others have: what is net here is little beside what a request takes, which the machine changes. */
export const rounds = 2;
export const subjects = ['none', 'json', 'offthread', 'segment', 'posthog', 'rudder'];

export async function run({ endpoints, quick }, subject) {
  await endpoints.reset();
  const run = new Run('throughput', subject, { ...endpoints.urls, batchSize: BATCH_SIZE });
  const { url } = await run.next();
  const drive = (seconds) => autocannon({ url: `${url}/order`, connections: CONNECTIONS, duration: seconds });
  await drive(quick ? 1 : 3);
  await run.ask('begin');
  await drive(quick ? 2 : 5);
  const result = await run.ask('end');
  const finished = await run.ask('finish');
  await run.ended();
  if (result === undefined) return undefined;
  const { requestsPerSecond, mainUs, allUs } = result;
  const lost =
    finished === undefined ? Number.NaN : lostOf(subject, finished.tracked, await endpoints.received());
  return { requestsPerSecond, mainUs, allUs, lost };
}

export function measure(subject, settings) {
  return openShop(subject, settings);
}
