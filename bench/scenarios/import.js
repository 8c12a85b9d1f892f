// Importing the package and creating a client: the cost at process start.
import { readCpu, usedBetween } from '../cpu.js';
import { runOnce } from '../run.js';

export const title = 'Import and construct';
export const subjects = ['none', 'offthread', 'segment', 'posthog', 'rudder'];

/** The times are short and noisy, so there are more rounds than elsewhere. */
export const rounds = 4;

export async function run({ endpoints }, subject) {
  const { result } = await runOnce('import', subject, endpoints.urls);
  return result;
}

export async function measure(subject, settings) {
  const before = readCpu();
  subject.create(await subject.load(), settings);
  const used = usedBetween(before, readCpu());
  return { mainMs: used.main / 1e3, allMs: used.all / 1e3, wallMs: used.elapsed };
}
