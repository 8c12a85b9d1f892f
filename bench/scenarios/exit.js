// 10,000 events followed by process.exit(): how many arrive, and how long the process takes to end.
import { eventOf } from '../event.js';
import { Run } from '../run.js';

const EVENTS = 10_000;

export const title = '10,000 events, then process.exit()';
export const subjects = ['none', 'offthread', 'segment', 'posthog', 'rudder'];

export async function run({ endpoints }, subject) {
  await endpoints.reset();
  const run = new Run('exit', subject, endpoints.urls);
  const { code, elapsed } = await run.ended();
  return { processMs: elapsed, exitCode: code ?? Number.NaN, delivered: await endpoints.received() };
}

export async function measure(subject, settings) {
  const client = subject.create(await subject.load(), settings);
  for (let n = 0; n < EVENTS; n++) client.track(eventOf(n));
  process.exit(3);
}
